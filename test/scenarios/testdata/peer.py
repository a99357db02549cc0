"""A TLS server or client on Python's ssl module; see server_peer.go and client_peer.go for the flags."""

import argparse
import socket
import ssl
import threading

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def flags():
    p = argparse.ArgumentParser()
    p.add_argument("role", choices=["server", "client"])
    for name in ["host", "port", "name", "ca", "cert", "key", "client-ca", "min", "max", "cipher", "alpn", "sni"]:
        p.add_argument("--" + name)
    return p.parse_args()


def common(context, f):
    context.minimum_version, context.maximum_version = VERSIONS[f.min], VERSIONS[f.max]
    if f.cert:
        context.load_cert_chain(f.cert, f.key)
    if f.cipher:  # the suites of TLS 1.3 cannot be chosen in this version of Python
        context.set_ciphers(f.cipher.split(":")[0])
    if f.alpn:
        context.set_alpn_protocols(f.alpn.split(","))
    return context


def server(f):
    context = common(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), f)
    if f.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(f.client_ca)
    if f.sni:
        context.sni_callback = lambda conn, name, _: None if name == f.sni else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    listener = socket.create_server(("", int(f.port)), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=answer, args=(context, conn), daemon=True).start()


def answer(context, conn):
    try:
        with context.wrap_socket(conn, server_side=True) as tls:
            if tls.recv(4096):
                tls.sendall(b"HTTP/1.0 200 OK\r\n\r\nok\n")
                tls.unwrap()
    except (OSError, ssl.SSLError) as err:
        print("server:", err, flush=True)


def client(f):
    context = common(ssl.create_default_context(cafile=f.ca), f)
    with socket.create_connection((f.host, int(f.port)), timeout=10) as conn:
        with context.wrap_socket(conn, server_hostname=f.name) as tls:
            tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
            while data := tls.recv(4096):
                print(data.decode(), end="")


if __name__ == "__main__":
    arguments = flags()
    server(arguments) if arguments.role == "server" else client(arguments)
