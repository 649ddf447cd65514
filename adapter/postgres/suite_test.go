// SPDX-License-Identifier: MIT

package postgres_test

import (
	"syscall"
	"testing"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/adaptertest"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/internal/assert"
)

// TestSuite runs the suite of all buses.
func TestSuite(t *testing.T) {
	for name, log := range map[string]*postgres.Log{"A6": nil, "A6.12 log": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startPostgres(t)
			adaptertest.Run(t, func(t *testing.T) adaptertest.Cluster {
				prefix := fresh()
				cfg := postgres.Config{Prefix: prefix, Table: prefix + "_a"}
				if log != nil {
					cfg.Log = &postgres.Log{Table: prefix + "_l", Sessions: prefix + "_s"}
				}
				return adaptertest.Cluster{
					New: func(t *testing.T) adapter.Bus {
						bus, err := postgres.NewBus(pool(t, s), &cfg)
						assert.NoError(t, err)
						return bus
					},
					Restart: func(t *testing.T) {
						s.stop(syscall.SIGQUIT)
						assert.NoError(t, s.start())
					},
				}
			})
		})
	}
}
