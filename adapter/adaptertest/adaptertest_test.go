// SPDX-License-Identifier: MIT

package adaptertest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/adaptertest"
)

// TestSuite runs the suite with all that a bus may or may not be able to do, in
// virtual time.
func TestSuite(t *testing.T) {
	t.Parallel()
	for name, hub := range map[string]func() *adapter.Loopback{
		"heartbeats": func() *adapter.Loopback { return &adapter.Loopback{} },
		"counts":     func() *adapter.Loopback { return &adapter.Loopback{Counts: true} },
		"keeps":      func() *adapter.Loopback { return &adapter.Loopback{Keeps: true} },
		"routes":     func() *adapter.Loopback { return &adapter.Loopback{Routes: true} },
		"all": func() *adapter.Loopback {
			return &adapter.Loopback{Counts: true, Keeps: true, Routes: true, Private: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.Run(t, func(*testing.T) adaptertest.Cluster {
				l := hub()
				return adaptertest.Cluster{
					New: func(*testing.T) adapter.Bus { return l.Bus() },
					Restart: func(*testing.T) {
						l.SetDown(true)
						time.Sleep(time.Minute)
						l.SetDown(false)
					},
					In: synctest.Test,
				}
			})
		})
	}
}
