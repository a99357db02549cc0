package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// failing is the share of lines that tell of a failure: one in this many.
const failing = 2000

// generate writes a log of about size bytes, always the same for one seed: requests through a sidecar in Istio's default formats, text
// and JSON, some from browsers, and ztunnel's connections. One line in [failing] tells of a failed handshake.
func generate(w io.Writer, size int64, seed uint64) error {
	out := bufio.NewWriterSize(w, 1<<20)
	r := rand.New(rand.NewPCG(seed, seed))
	for written := int64(0); written < size; {
		line := healthy(r)
		if r.IntN(failing) == 0 {
			line = failed(r)
		}
		n, err := out.WriteString(line + "\n")
		if err != nil {
			return err
		}
		written += int64(n)
	}
	return out.Flush()
}

func healthy(r *rand.Rand) string {
	switch kind := r.IntN(10); {
	case kind < 6:
		return text(r, "200", "-", "via_upstream", "-")
	case kind < 8:
		return object(r, "200", "-", "via_upstream", "null")
	case kind < 9:
		return text(r, "404", "-", "via_upstream", "-")
	}
	return tunnel(r, "info", "")
}

const words = "TLS_error:|268435581:SSL_routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end"

func failed(r *rand.Rand) string {
	details := "upstream_reset_before_response_started{remote_connection_failure|" + words + "}"
	switch r.IntN(3) {
	case 0:
		return text(r, "503", "UF", details, words)
	case 1:
		return object(r, "503", "UF", details, `"`+words+`"`)
	}
	return tunnel(r, "error", ` error="tls handshake error: Custom { kind: InvalidData, error: NoCertificatesPresented }"`)
}

func text(r *rand.Rand, code, flags, details, reason string) string {
	return fmt.Sprintf(`[%s] "GET %s HTTP/2" %s %s %s - "%s" 0 %d %d %d "%s" "%s" "%s" "payments.shop:8443" "%s" `+
		`outbound|8443|v1|payments.shop.svc.cluster.local %s 10.96.0.17:443 %s outbound_.8443_.v1_.payments.shop.svc.cluster.local default`,
		clock(r), path(r), code, flags, details, reason, r.IntN(9999), r.IntN(900), r.IntN(900), "203.0.113.9", agent(r), uuid(r),
		address(r), address(r), address(r))
}

func object(r *rand.Rand, code, flags, details, reason string) string {
	return fmt.Sprintf(`{"authority":"payments.shop:8443","bytes_received":0,"bytes_sent":%d,"downstream_local_address":"%s",`+
		`"downstream_remote_address":"%s","duration":%d,"method":"GET","path":"%s","protocol":"HTTP/2","request_id":"%s",`+
		`"requested_server_name":null,"response_code":%s,"response_code_details":"%s","response_flags":"%s","start_time":"%s",`+
		`"upstream_cluster":"outbound|8443|v1|payments.shop.svc.cluster.local","upstream_host":"%s",`+
		`"upstream_transport_failure_reason":%s,"user_agent":"%s"}`,
		r.IntN(9999), address(r), address(r), r.IntN(900), path(r), uuid(r), code, details, flags, clock(r), address(r), reason, agent(r))
}

func tunnel(r *rand.Rand, level, failure string) string {
	return fmt.Sprintf("%s\t%s\taccess\tconnection complete\tsrc.addr=%s src.workload=\"web-7d4b9c6f5-x2x1z\" src.namespace=\"shop\" "+
		"src.identity=\"spiffe://cluster.local/ns/shop/sa/web\" dst.addr=%s dst.service=\"payments.shop.svc.cluster.local\" "+
		"direction=\"outbound\" bytes_sent=%d bytes_recv=%d duration=\"%dms\"%s",
		clock(r), level, address(r), address(r), r.IntN(9999), r.IntN(9999), r.IntN(900), failure)
}

func clock(r *rand.Rand) string {
	return fmt.Sprintf("2026-10-09T%02d:%02d:%02d.%03dZ", r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000))
}

func address(r *rand.Rand) string {
	return fmt.Sprintf("10.244.%d.%d:%d", r.IntN(250), r.IntN(250), 1024+r.IntN(60000))
}

func path(r *rand.Rand) string {
	return fmt.Sprintf("/api/v1/%s/%d?from=TLS&port=443", strings.Repeat("orders/", 1+r.IntN(3)), r.IntN(99999))
}

func agent(r *rand.Rand) string {
	if r.IntN(2) == 0 {
		return "Go-http-client/2.0"
	}
	return "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36"
}

func uuid(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint64()>>16)
}
