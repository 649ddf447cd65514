// SPDX-License-Identifier: MIT

// Package host runs a server of the benchmark: compare starts it, reads where it listens,
// and ends it.
package host

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
)

// Options are what compare may want of a server.
type Options struct {
	Deflate    bool   // compress messages from 512 bytes on
	Namespaces int    // that there are besides "/": /n0, /n1, ...
	Rooms      int    // that each socket joins, rooms of its own
	TLS        bool   // serve with a certificate made for the occasion
	Bus        string // URL of the backend of a cluster; "": none
}

// Flags returns the options of the command line.
func Flags() Options {
	var o Options
	flag.BoolVar(&o.Deflate, "deflate", false, "use permessage-deflate")
	flag.IntVar(&o.Namespaces, "namespaces", 0, "have `N` more namespaces")
	flag.BoolVar(&o.TLS, "tls", false, "serve over TLS")
	flag.IntVar(&o.Rooms, "rooms", 0, "put each socket into `N` rooms of its own")
	flag.StringVar(&o.Bus, "bus", "", "take part in the cluster at `URL`")
	flag.Parse()
	return o
}

// Run serves on a free port, prints the URL, and returns when standard input ends.
func Run(handler http.Handler) error { return RunTLS(handler, false) }

// RunTLS is Run, over TLS if that is wanted.
func RunTLS(handler http.Handler, secure bool) error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	web := &http.Server{Handler: handler} //nolint:gosec // on this machine only
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = web.Close()
	}()
	scheme := "http"
	if secure {
		scheme = "https"
		if web.TLSConfig, err = selfSigned(); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(os.Stdout, "%s://%s\n", scheme, listener.Addr()); err != nil {
		return err
	}
	if secure {
		return web.ServeTLS(listener, "", "")
	}
	return web.Serve(listener)
}

// selfSigned makes a certificate that nobody trusts.
func selfSigned() (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}, nil
}
