// SPDX-License-Identifier: MIT

// Package redis connects servers of a cluster by way of Redis or Valkey, in the formats of the
// official adapters, so that servers in Go and in Node can be in one cluster:
//
//   - [Classic]: publish and subscribe, as createAdapter of @socket.io/redis-adapter;
//   - [Sharded]: sharded publish and subscribe, as its createShardedAdapter (Redis 7);
//   - [Streams]: as @socket.io/redis-streams-adapter, with recovery of clients at any server.
//
// A Bus uses one connection to subscribe (with sharded channels in Redis Cluster, one for each
// master), one for each stream that it reads, and those of its client to publish. It needs
// Redis 6.2 and RESP3. What happens when Redis is lost is told in docs/cluster-redis.md.
package redis
