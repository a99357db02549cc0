package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tlstrace/tlstrace/event"
)

// noiseScenarios are connections that are no TLS and were not meant to be, and those that come only to see who answers.
func noiseScenarios() []Scenario {
	all := []Scenario{
		ownProtocol("HTTP", plainServers()[0], "curl", func(port int) []string {
			return []string{"curl", "-sSv", "--max-time", "8", fmt.Sprintf("http://127.0.0.1:%d/", port)}
		}, `\b200\b`),
		ownProtocol("Redis", plainServers()[2], "redis-cli", func(port int) []string {
			return []string{"redis-cli", "-p", strconv.Itoa(port), "PING"}
		}, "PONG"),
		ownProtocol("a server that speaks first", plainServers()[4], "gopeer", nil, ""),
		scan(plainServers()[3]), scan(nginxPlain),
	}
	for _, s := range []serverStack{nginxServer, haproxyServer, goServer, nginxPlain} {
		all = append(all, probed(s))
	}
	for _, check := range healthChecks {
		all = append(all, check.scenario())
	}
	return append(all, healthyMail())
}

func quiet(outcome event.Outcome, proof string) Truth {
	return Truth{Certainty: Never, Outcome: outcome, Proof: proof}
}

// ownProtocol is a protocol without TLS on a port of its own.
func ownProtocol(name string, s serverStack, comm string, argv func(port int) []string, proof string) Scenario {
	return Scenario{
		Name: "no TLS, " + name, Failure: "no TLS, " + name, Server: s.name, Client: comm,
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.serve(t, s, serverSettings{})
			command := []string{l.gopeer, "exchange", "--port", strconv.Itoa(srv.port), "--what", "banner"}
			if argv != nil {
				command = argv(srv.port)
			}
			return l.finish(t, srv, start(t, "", command...), comm)
		},
		Truth: quiet("", proof),
	}
}

// probed is a port that somebody connects to and leaves without a word.
func probed(s serverStack) Scenario {
	return Scenario{
		Name: "probe/" + s.name, Failure: "probe", Server: s.name,
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.serve(t, s, serverSettings{pair: l.pki.ok, versions: anyVersion})
			return l.finish(t, srv, start(t, "", l.gopeer, "probe", "--port", strconv.Itoa(srv.port), "--count", "3"), "gopeer")
		},
		Truth: quiet(event.Noise, ""),
	}
}

// scan is what nobody understands, to a port without TLS.
func scan(s serverStack) Scenario {
	return Scenario{
		Name: "scan/" + s.name, Failure: "scan", Server: s.name,
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.serve(t, s, serverSettings{})
			return l.finish(t, srv, start(t, "", l.gopeer, "exchange", "--port", strconv.Itoa(srv.port)), "gopeer")
		},
		Truth: quiet("", ""),
	}
}

// healthyMail is a client that greets a mail server which knows STARTTLS, and leaves.
func healthyMail() Scenario {
	return Scenario{
		Name: "no TLS, SMTP without STARTTLS", Failure: "no TLS, SMTP without STARTTLS",
		Play: func(t testing.TB, l *Lab) Played {
			srv := l.upgrading(t, "smtp", l.pki.ok)
			return l.finish(t, srv, start(t, "", l.gopeer, "exchange", "--port", strconv.Itoa(srv.port)), "gopeer")
		},
		Truth: quiet("", ""),
	}
}

// healthCheck is how haproxy asks whether a server behind it is there.
type healthCheck struct {
	name    string
	server  string // parameters of haproxy's server line
	option  string
	outcome event.Outcome
}

var healthChecks = []healthCheck{
	{"TCP", "check", "", event.Noise}, // it ends each with a reset
	{"TLS", "check check-ssl verify none", "option tcp-check", event.Succeeded},
	{"HTTPS", "check ssl verify none", "option httpchk GET /", event.Succeeded},
}

const balancerConf = `
global
	log stdout format raw local0 debug
defaults
	mode tcp
	log global
	timeout connect 5s
	timeout client 5s
	timeout server 5s
	timeout check 5s
frontend nobody
	bind abns@tlstrace-lab-%[2]d
	default_backend lab
backend lab
	option log-health-checks
	%[1]s
	server one 127.0.0.1:%[2]d inter 60s %[3]s
`

func (h healthCheck) scenario() Scenario {
	return Scenario{
		Name: "health check, " + h.name + "/haproxy-nginx", Failure: "health check, " + h.name, Client: "haproxy", Server: "nginx",
		Play: h.play,
		// haproxy tells that it found the server, or goes on without a word if it took it for healthy from the beginning.
		Truth: quiet(h.outcome, `Health check for server lab/one succeeded`),
	}
}

// play lets haproxy check once, and ends it when it has told how that went: no check is cut off.
func (h healthCheck) play(t testing.TB, l *Lab) Played {
	srv := l.serve(t, nginxServer, serverSettings{pair: l.pki.ok, versions: anyVersion})
	conf := writeConf(t, "haproxy.cfg", fmt.Sprintf(balancerConf, h.option, srv.port, h.server))
	cli := start(t, "", "haproxy", "-db", "-f", conf)
	for deadline := time.Now().Add(proofTimeout); !strings.Contains(cli.out.String(), "Health check"); time.Sleep(10 * time.Millisecond) {
		if cli.ended() || time.Now().After(deadline) {
			t.Fatalf("haproxy does not check: %s", cli.out)
		}
	}
	cli.kill()
	return Played{Port: srv.port, Output: func() string { return outputs(cli, srv) }}
}
