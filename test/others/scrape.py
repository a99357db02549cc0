"""Follows an nginx error log and counts handshakes that failed, as scripts that feed a dashboard do."""
import collections
import re
import sys
import time

PATTERNS = {
    "handshake": re.compile(r"SSL_do_handshake\(\) failed \(SSL: error:(?P<code>[0-9A-F]+):(?P<words>[^)]*)\)"),
    "alert": re.compile(r"SSL alert number (?P<alert>\d+)"),
    "closed": re.compile(r"peer closed connection in SSL handshake"),
    "reset": re.compile(r"recv\(\) failed \(104: Connection reset by peer\)"),
    "client": re.compile(r"client: (?P<client>[0-9a-f.:]+), server: (?P<server>[^,]+)"),
}


def main(path):
    counts = collections.Counter()
    with open(path, encoding="utf-8", errors="replace") as log:
        print("following", flush=True)
        while True:
            line = log.readline()
            if not line:
                time.sleep(0.1)
                continue
            found = {name: pattern.search(line) for name, pattern in PATTERNS.items()}
            for name, match in found.items():
                if match:
                    counts[name] += 1
            if found["handshake"] or found["closed"]:
                client = found["client"].group("client") if found["client"] else "?"
                print(f"failed client={client} total={counts['handshake'] + counts['closed']}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
