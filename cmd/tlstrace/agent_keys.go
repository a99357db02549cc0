package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync"
)

// keyPair is the server's certificate and key, read again when one of their files has changed.
type keyPair struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	stamps [2]fileStamp
	pair   *tls.Certificate
}

// openKeyPair reads both files, or returns nil if there are none to read.
func openKeyPair(f *agentFlags, log *slog.Logger) (*keyPair, error) {
	if f.tlsCert == "" {
		return nil, nil
	}
	k := &keyPair{cert: f.tlsCert, key: f.tlsKey, log: log}
	if err := k.load(); err != nil {
		return nil, fmt.Errorf("--tls-cert %s, --tls-key %s: %w", f.tlsCert, f.tlsKey, err)
	}
	return k, nil
}

func (k *keyPair) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: k.get}
}

// get returns the pair that is in the files now; a pair that cannot be read leaves the last one in force.
func (k *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.load(); err != nil {
		k.log.Warn("the old certificate stays", "error", err.Error())
	}
	return k.pair, nil
}

func (k *keyPair) load() error {
	var stamps [2]fileStamp
	for i, path := range []string{k.cert, k.key} {
		stamp, err := stampOf(path)
		if err != nil {
			return err
		}
		stamps[i] = stamp
	}
	if stamps == k.stamps {
		return nil
	}
	k.stamps = stamps // a bad pair is told once
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	if err == nil {
		k.pair = &pair
	}
	return err
}
