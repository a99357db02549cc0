package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// maxDrillServe is how long a drill's server stays at most.
const maxDrillServe = 24 * time.Hour

func newDrillServe(w *world) *cobra.Command {
	var address string
	var last time.Duration
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Be the server at which the handshakes of 'drill --connect' fail",
		Long: "serve listens on a port, where it fails the handshakes of those who ask for names below " + drillName + ", and on the port\n" +
			"after it, where it speaks HTTP in clear. The next one it keeps closed. It ends by itself.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if last <= 0 || last > maxDrillServe {
				return fmt.Errorf("--for %s: must be more than 0, and %s at most", last, maxDrillServe)
			}
			at, err := listenAddress(address)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			ctx, end := context.WithTimeout(ctx, last)
			defer end()
			server, err := newDrillServer(at, w.now())
			if err != nil {
				return fmt.Errorf("%w: %w", errCannotDrill, err)
			}
			fmt.Fprintf(w.stderr, "failing handshakes on %s for %s\n", netip.AddrPortFrom(at.Addr(), server.offer.TLS), last)
			<-ctx.Done()
			return server.Close()
		},
	}
	cmd.Flags().StringVar(&address, "listen", ":9443", "listen on this `address`, and on the port after it")
	cmd.Flags().DurationVar(&last, "for", 10*time.Minute, "end after so long")
	return cmd
}

// listenAddress is an address and a port; without an address that of every interface.
func listenAddress(text string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(text)
	number, bad := strconv.ParseUint(port, 10, 16)
	if host == "" {
		host = "::"
	}
	address, wrong := netip.ParseAddr(host)
	if err != nil || bad != nil || wrong != nil || number > 65533 {
		return netip.AddrPort{}, fmt.Errorf("--listen %q: must be an address and a port of at most 65533, as in :9443", shown(text))
	}
	return netip.AddrPortFrom(address, uint16(number)), nil
}
