// SPDX-License-Identifier: MIT

package redis_test

import (
	"testing"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/adaptertest"
	"github.com/sio-go/sio/adapter/redis"
)

// TestSuite runs the suite of all buses in each mode.
func TestSuite(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]redis.Config{
		"A3 classic":                {},
		"A3.17 private":             {Private: true},
		"A4 sharded dynamic":        {Mode: redis.Sharded},
		"A4 sharded static":         {Mode: redis.Sharded, Subscription: redis.Static},
		"A4 sharded dynamicprivate": {Mode: redis.Sharded, Subscription: redis.DynamicPrivate},
		"A5 streams":                {Mode: redis.Streams},
		"A5 streams sharded":        {Mode: redis.Streams, Stream: redis.Stream{Count: 4, Sharded: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := sharedRedis(t)
			adaptertest.Run(t, func(t *testing.T) adaptertest.Cluster {
				cfg := cfg
				cfg.Prefix = fresh()
				cfg.Stream.Name = cfg.Prefix
				return adaptertest.Cluster{
					New: func(*testing.T) adapter.Bus { return redis.Dial(option(addr), &cfg) },
				}
			})
		})
	}
}
