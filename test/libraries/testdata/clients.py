"""Makes TLS connections all at once, each in a thread of its own, as the JSON on standard input says. Prints how each ended."""
import json
import socket
import ssl
import sys
import threading

wanted = json.load(sys.stdin)
start = threading.Barrier(len(wanted))


def context(w):
    c = ssl.create_default_context(cafile=w['ca'])
    version = {'1.2': ssl.TLSVersion.TLSv1_2, '1.3': ssl.TLSVersion.TLSv1_3}[w['version']]
    c.minimum_version = c.maximum_version = version
    if w.get('cipher'):
        c.set_ciphers(w['cipher'])
    if w.get('alpn'):
        c.set_alpn_protocols([w['alpn']])
    if w.get('cert'):
        c.load_cert_chain(w['cert'], w['key'])
    return c


def say(w, what):
    """One write for a line: threads do not mix theirs."""
    sys.stdout.write(f"{w['kind']}: {what}\n")


def connect(w):
    c = context(w)
    start.wait()
    try:
        with socket.create_connection(('127.0.0.1', w['port']), timeout=20) as tcp:
            with c.wrap_socket(tcp, server_hostname='localhost') as tls:
                tls.sendall(b'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
                while tls.recv(4096):
                    pass
        say(w, 'healthy')
    except (OSError, ssl.SSLError) as err:
        say(w, err)


threads = [threading.Thread(target=connect, args=[w]) for w in wanted]
for t in threads:
    t.start()
for t in threads:
    t.join()
