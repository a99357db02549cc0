package hello

import (
	"strconv"
	"strings"

	"github.com/tlstrace/tlstrace/event"
)

// Mesh takes the server name apart that Istio's proxies send between clusters and through gateways in AUTO_PASSTHROUGH mode:
// direction, port, subset and host, separated by "_.", as in outbound_.8080_.v1_.payments.shop.svc.cluster.local
// (istio.io/istio pkg/model, BuildDNSSrvSubsetKey). The subset may be empty. The result is nil for any other name.
func Mesh(sni string) *event.Mesh {
	direction, rest, _ := strings.Cut(sni, "_.")
	if direction != "outbound" && direction != "inbound" {
		return nil
	}
	port, rest, _ := strings.Cut(rest, "_.")
	subset, host, found := strings.Cut(rest, "_.")
	if !found || host == "" {
		return nil
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return nil
	}
	return &event.Mesh{Direction: direction, Service: host, Port: uint16(number), Subset: subset}
}
