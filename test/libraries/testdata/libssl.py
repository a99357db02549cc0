"""A TLS server or client on the libssl that is named: OpenSSL 1.1.1 or later, or BoringSSL. It does what their own
programs cannot: judge a client's certificate, insist on a protocol, look at the server's name."""
import argparse
import ctypes
import socket

p = argparse.ArgumentParser()
for name in 'libcrypto libssl role'.split():
    p.add_argument(name)
for name in 'port version cert key ca alpn'.split():
    p.add_argument('--' + name)
f = p.parse_args()

crypto = ctypes.CDLL(f.libcrypto, mode=ctypes.RTLD_GLOBAL)
ssl = ctypes.CDLL(f.libssl)
POINTER, INT = ctypes.c_void_p, ctypes.c_int
for name in 'TLS_server_method TLS_client_method SSL_CTX_new SSL_new SSL_get0_param'.split():
    getattr(ssl, name).restype = POINTER
crypto.ERR_get_error.restype = ctypes.c_ulong
BORINGSSL = hasattr(crypto, 'BORINGSSL_self_test')
VERSIONS = {'1.2': 0x0303, '1.3': 0x0304}
PEM, VERIFY_PEER, VERIFY_FAIL_IF_NO_PEER_CERT, ALERT_FATAL = 1, 1, 2, 2


def check(result, what):
    if not result or result < 0:
        raise SystemExit(what + ': ' + '; '.join(errors()))
    return result


def errors():
    text = ctypes.create_string_buffer(256)
    while code := crypto.ERR_get_error():
        crypto.ERR_error_string_n(ctypes.c_ulong(code), text, 256)
        yield text.value.decode()


def set_version(ctx):
    if BORINGSSL:
        ssl.SSL_CTX_set_min_proto_version(ctx, ctypes.c_uint16(VERSIONS[f.version]))
        ssl.SSL_CTX_set_max_proto_version(ctx, ctypes.c_uint16(VERSIONS[f.version]))
        return
    for command in 123, 124:  # SSL_CTRL_SET_MIN_PROTO_VERSION, SSL_CTRL_SET_MAX_PROTO_VERSION
        ssl.SSL_CTX_ctrl(ctx, INT(command), ctypes.c_long(VERSIONS[f.version]), None)


def context(method, verify):
    ctx = POINTER(check(ssl.SSL_CTX_new(POINTER(method())), 'SSL_CTX_new'))
    set_version(ctx)
    if f.cert:
        check(ssl.SSL_CTX_use_certificate_file(ctx, f.cert.encode(), INT(PEM)), f.cert)
        check(ssl.SSL_CTX_use_PrivateKey_file(ctx, f.key.encode(), INT(PEM)), f.key)
    if f.ca:
        check(ssl.SSL_CTX_load_verify_locations(ctx, f.ca.encode(), None), f.ca)
        ssl.SSL_CTX_set_verify(ctx, INT(verify), None)
    return ctx


SELECT = ctypes.CFUNCTYPE(INT, POINTER, POINTER, POINTER, POINTER, ctypes.c_uint, POINTER)
refuse = SELECT(lambda *_: ALERT_FATAL)


def serve():
    ctx = context(ssl.TLS_server_method, VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT)
    if f.alpn:
        ssl.SSL_CTX_set_alpn_select_cb(ctx, refuse, None)
    listener = socket.create_server(('127.0.0.1', int(f.port)))
    while True:
        conn, _ = listener.accept()
        session = POINTER(ssl.SSL_new(ctx))
        ssl.SSL_set_fd(session, INT(conn.fileno()))
        if ssl.SSL_accept(session) == 1:
            answer(session)
        print('server:', *errors(), flush=True)
        ssl.SSL_free(session)
        conn.close()


def answer(session):
    if ssl.SSL_read(session, ctypes.create_string_buffer(4096), INT(4096)) > 0:
        text = b'HTTP/1.0 200 OK\r\n\r\nok\n'
        ssl.SSL_write(session, text, INT(len(text)))
    ssl.SSL_shutdown(session)


def dial():
    ctx = context(ssl.TLS_client_method, VERIFY_PEER)
    session = POINTER(ssl.SSL_new(ctx))
    conn = socket.create_connection(('127.0.0.1', int(f.port)))
    if BORINGSSL:
        ssl.SSL_set_tlsext_host_name(session, b'localhost')
    crypto.X509_VERIFY_PARAM_set1_host(POINTER(ssl.SSL_get0_param(session)), b'localhost', ctypes.c_size_t(9))
    ssl.SSL_set_fd(session, INT(conn.fileno()))
    if ssl.SSL_connect(session) == 1:
        ssl.SSL_write(session, b'GET / HTTP/1.0\r\n\r\n', INT(18))
        if (n := ssl.SSL_read(session, text := ctypes.create_string_buffer(4096), INT(4096))) > 0:
            print(text.raw[:n].decode())
    print('client:', *errors())


serve() if f.role == 'server' else dial()
