"""What people write: follow the proxy's log, and try five regular expressions on every line."""
import re
import sys
import time

PATTERNS = [
    re.compile(r"SSL_do_handshake\(\) failed"),
    re.compile(r"SSL_read\(\) failed"),
    re.compile(r"upstream SSL certificate verify error"),
    re.compile(r"(client|peer) (closed connection|connection reset) .*while SSL handshaking"),
    re.compile(r'" 50[234] '),
]


def main():
    found = 0
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        print("following", file=sys.stderr, flush=True)
        while True:
            line = log.readline()
            if not line:
                time.sleep(0.05)
                continue
            if any(pattern.search(line) for pattern in PATTERNS):
                found += 1
                print(found, line, end="", flush=True)


main()
