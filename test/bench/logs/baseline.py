"""What people write: five regular expressions, compiled, tried on every line. It reads bytes, in large blocks, and decodes nothing."""
import re
import sys

PATTERNS = [
    re.compile(rb"TLS[_ ]error:\|?[ _]?(\d+)"),
    re.compile(rb"OPENSSL_internal:([A-Z0-9_]+)"),
    re.compile(rb'"(?:up|down)stream_transport_failure_reason":"(TLS[^"]*)"'),
    re.compile(rb"tls handshake error: (.*)\""),
    re.compile(rb"NR filter_chain_not_found"),
]


def main():
    found = 0
    with open(sys.argv[1], "rb", buffering=1 << 20) as log:
        for line in log:
            for pattern in PATTERNS:
                if pattern.search(line):
                    found += 1
                    break
    print(found)


main()
