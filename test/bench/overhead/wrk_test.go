package main

import (
	"testing"
	"time"
)

func TestParseWrk(t *testing.T) {
	const healthy = "Running 1s test @ https://127.0.0.1:20001/ /   1 threads and 16 connections / " +
		"Latency Distribution /      50%  449.00us /      99%    1.80ms /   66623 requests in 1.10s, 9.53MB read / "
	for _, tc := range []struct {
		name, said string
		want       loaded
		fails      bool
	}{
		{name: "healthy", said: healthy, want: loaded{66623, 1100 * time.Millisecond, 1800 * time.Microsecond}},
		{name: "errors", said: healthy + "Socket errors: connect 0, read 3, write 0, timeout 0 / Requests/sec: 3", fails: true},
		{name: "refused requests", said: healthy + "Non-2xx or 3xx responses: 66623 / ", fails: true},
		{name: "nobody listens", said: "unable to connect to 127.0.0.1:20001 Connection refused", fails: true},
		{name: "nothing answered", said: "99%    0.00us /   0 requests in 1.00s, 0.00B read", fails: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseWrk(tc.said)
			if (err != nil) != tc.fails {
				t.Fatalf("%v", err)
			}
			if err == nil && got != tc.want {
				t.Errorf("%+v", got)
			}
		})
	}
}
