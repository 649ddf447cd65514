// SPDX-License-Identifier: MIT

package interop_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/sio-go/sio/interop/soak"
)

// TestSoak is a short run of what "make soak" does for long. It does not run beside other
// tests, for it compares what this process needs before and after.
func TestSoak(t *testing.T) { //nolint:paralleltest // see above
	if control {
		t.Skip("the servers are ours")
	}
	node(t, "socket.io-client")
	report, err := soak.Run(t.Context(), soak.Config{
		Duration: 8 * time.Second, Servers: 3, Clients: 60, Node: 6, Script: filepath.Join("node", "soak.mjs"),
		Faults: 0.3, Restart: 4 * time.Second, Pause: 300 * time.Millisecond, Away: 2 * time.Second, Log: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report.Markdown())
	if report.Broken > 0 {
		t.Errorf("%d promises broken", report.Broken)
	}
	for _, what := range []string{
		"events answered", "events answered, repeated if need be", "binary events answered", "events to rooms", "rooms joined and left",
		"volatile events", "connections of JavaScript clients", "recovered by Go clients",
	} {
		if report.Counts[what] == 0 {
			t.Errorf("none: %s", what)
		}
	}
	if r := report.Connections; r["reset"]+r["closed"]+r["stalled"]+r["split"]+r["delayed"]+r["closed in one direction"] == 0 {
		t.Error("no faults")
	}
}
