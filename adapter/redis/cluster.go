// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// slotCount is the number of slots of Redis Cluster.
const slotCount = 16_384

// slot returns the slot of a key or sharded channel.
func slot(name string) int {
	if i := strings.IndexByte(name, '{'); i >= 0 {
		if n := strings.IndexByte(name[i+1:], '}'); n > 0 {
			name = name[i+1 : i+1+n]
		}
	}
	var crc uint16
	for i := range len(name) {
		crc ^= uint16(name[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % slotCount
}

// refresh learns which node has which slots. Errors leave what is known.
func (s *subscriber) refresh(ctx context.Context, client rueidis.Client) {
	ctx, cancel := context.WithTimeout(ctx, s.bus.cfg.Probe)
	defer cancel()
	nodes := client.Nodes()
	var err error
	for addr := range nodes {
		var slots []string
		if slots, err = readSlots(ctx, addr, nodes); err == nil {
			s.mu.Lock()
			s.slots = slots
			s.mu.Unlock()
			return
		}
	}
	if err != nil && ctx.Err() == nil {
		s.bus.fail(fmt.Errorf("redis: slots of the cluster: %w", err))
	}
}

// readSlots asks the node at an address. It may not know its own, and leaves it out.
func readSlots(ctx context.Context, at string, nodes map[string]rueidis.Client) ([]string, error) {
	node := nodes[at]
	ranges, err := node.Do(ctx, node.B().ClusterSlots().Build()).ToArray()
	if err != nil {
		return nil, err
	}
	slots := make([]string, slotCount)
	for _, one := range ranges {
		list, err := one.ToArray()
		if err != nil || len(list) < 3 {
			return nil, errReply
		}
		first, err1 := list[0].AsInt64()
		last, err2 := list[1].AsInt64()
		master, err3 := list[2].ToArray()
		if err1 != nil || err2 != nil || err3 != nil || len(master) < 2 || first < 0 || last >= slotCount {
			return nil, errReply
		}
		host, _ := master[0].ToString()
		if host == "" || host == "?" {
			host, _, _ = net.SplitHostPort(at)
		}
		port, _ := master[1].AsInt64()
		addr := net.JoinHostPort(host, strconv.FormatInt(port, 10))
		if _, known := nodes[addr]; !known {
			addr = "" // the client has yet to learn of it
		}
		for i := first; i <= last; i++ {
			slots[i] = addr
		}
	}
	return slots, nil
}
