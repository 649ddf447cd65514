// SPDX-License-Identifier: MIT

package interop_test

import (
	"context"
	"log/slog"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/interop/testserver"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

// TestComplete runs what the Socket.IO server has beyond the contract with the official
// client: recovery, broadcasts with acknowledgements, dynamic namespaces, catch-all
// listeners, middlewares, what is done to sockets from outside, and the client's retries.
// It does so with each codec, over all transports.
func TestComplete(t *testing.T) {
	t.Parallel()
	node := node(t, "socket.io-client", "socket.io-msgpack-parser")
	for _, codec := range []string{"default", "msgpack"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			base, err := startComplete()
			if err != nil {
				t.Fatal(err)
			}
			args := []string{"complete.mjs", "--url", strings.TrimSuffix(base, "/"), "--codec", codec}
			if control {
				args = append(args, "--control", "true")
			}
			foreign(t, "node", node, args...)
		})
	}
}

// startComplete starts the servers of testserver.NewComplete, at the paths
// "/CODEC-KIND/", in this process or for the control as a child.
var startComplete = sync.OnceValues(func() (string, error) {
	if control {
		cmd := exec.CommandContext(context.Background(), "node", "complete-reference.mjs")
		cmd.Dir = "node"
		out, err := start(cmd)
		if err != nil {
			return "", err
		}
		urls, err := printed(out, 1, "node complete-reference.mjs")
		if err != nil {
			return "", err
		}
		return urls[0], nil
	}
	calm := engine.Config{PingInterval: time.Second, PingTimeout: 5 * time.Second}
	small := calm
	small.MaxPayloadBytes = 100_000
	small.PerMessageDeflate = &engine.PerMessageDeflate{}
	kinds := map[string]sio.Config{
		"recovery": {Engine: calm, Recovery: &sio.Recovery{}},
		"strict":   {Engine: calm, Recovery: &sio.Recovery{RunMiddlewares: true}},
		"brief":    {Engine: calm, Recovery: &sio.Recovery{MaxDisconnection: 100 * time.Millisecond}},
		"family":   {Engine: calm}, // where a parent sends to all that there is
		"plain":    {Engine: small, CleanupEmptyNamespaces: true},
	}
	mux := http.NewServeMux()
	for name, codec := range map[string]packet.Codec{"default": nil, "msgpack": msgpack.Codec{}} {
		for kind, cfg := range kinds {
			cfg.Path, cfg.Codec = "/"+name+"-"+kind+"/", codec
			cfg.Logger = slog.New(slog.DiscardHandler)
			srv := testserver.NewComplete(&cfg)
			mux.Handle(cfg.Path, srv)
			atExit(func() { _ = srv.Close() })
		}
	}
	return listen(mux, nil)
})
