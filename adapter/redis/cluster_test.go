// SPDX-License-Identifier: MIT

package redis_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/sio-go/sio/adapter/adaptertest"
	"github.com/sio-go/sio/adapter/redis"
	"github.com/sio-go/sio/internal/assert"
)

// TestCluster runs the suite on Redis Cluster of three nodes.
func TestCluster(t *testing.T) {
	t.Parallel()
	program(t, "redis-server")
	var nodes []*server
	for range 3 {
		nodes = append(nodes, startRedis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "30000"))
	}
	for i, s := range nodes {
		o := option(s.addr())
		o.ForceSingleClient = true
		c := single(t, o)
		first, last := i*16384/3, (i+1)*16384/3-1
		assert.NoError(t, c.Do(t.Context(), c.B().Arbitrary("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last)).Build()).Error())
		assert.NoError(t, c.Do(t.Context(), c.B().Arbitrary("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)).Build()).Error())
		if i > 0 {
			host, port, _ := net.SplitHostPort(nodes[0].addr())
			assert.NoError(t, c.Do(t.Context(), c.B().Arbitrary("CLUSTER", "MEET", host, port).Build()).Error())
		}
	}
	for _, s := range nodes {
		o := option(s.addr())
		o.ForceSingleClient = true
		c := single(t, o)
		eventually(t, "the cluster", func() bool {
			list, err := c.Do(t.Context(), c.B().ClusterSlots().Build()).ToArray()
			if err != nil || len(list) != 3 {
				return false
			}
			info, _ := c.Do(t.Context(), c.B().ClusterInfo().Build()).ToString()
			return strings.Contains(info, "cluster_state:ok")
		})
	}
	for name, cfg := range map[string]redis.Config{
		"classic": {},
		"sharded": {Mode: redis.Sharded, Subscription: redis.Static},
		"dynamic": {Mode: redis.Sharded},
		"streams": {Mode: redis.Streams, Stream: redis.Stream{Count: 3, Sharded: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.Run(t, func(*testing.T) adaptertest.Cluster { return cluster(nodes[0].addr(), cfg) })
		})
	}
}

// TestSlot compares with what CLUSTER KEYSLOT answers.
func TestSlot(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"foo": 12182, "{user1000}.following": 3443, "foo{}{bar}": 8363, "foo{{bar}}zap": 4015} {
		assert.Equal(t, fmt.Sprint(name, redis.Slot(name)), fmt.Sprint(name, want))
	}
}
