"""curl on GnuTLS, by way of python3-pycurl, which Debian links with it; see client_peer.go for the flags."""

import argparse
import sys

import pycurl

VERSIONS = {"1.2": (pycurl.SSLVERSION_TLSv1_2, pycurl.SSLVERSION_MAX_TLSv1_2),
            "1.3": (pycurl.SSLVERSION_TLSv1_3, pycurl.SSLVERSION_MAX_TLSv1_3)}

p = argparse.ArgumentParser()
for name in ["host", "port", "name", "ca", "cert", "key", "min", "max"]:
    p.add_argument("--" + name)
f = p.parse_args()

assert "GnuTLS" in pycurl.version, pycurl.version
c = pycurl.Curl()
c.setopt(c.URL, f"https://{f.name}:{f.port}/")
c.setopt(c.RESOLVE, [f"{f.name}:{f.port}:{f.host}"])
c.setopt(c.HTTP_VERSION, c.CURL_HTTP_VERSION_1_0)
c.setopt(c.HEADERFUNCTION, lambda line: print(line.decode(), end=""))
c.setopt(c.TIMEOUT, 10)
c.setopt(c.CAINFO, f.ca)
c.setopt(c.SSLVERSION, VERSIONS[f.min][0] | VERSIONS[f.max][1])
if f.cert:
    c.setopt(c.SSLCERT, f.cert)
    c.setopt(c.SSLKEY, f.key)
try:
    c.perform()
except pycurl.error as err:
    sys.exit(f"curl: {err}")
