// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/rueidis"
)

// subConn is a connection that subscribes, and is made anew when it is lost.
type subConn struct {
	subs   *subscriber
	addr   string // in Redis Cluster; "" is anywhere
	client rueidis.Client
	wake   chan struct{}
	full   bool               // all topics are to be looked at; guarded by subs.mu
	dirty  map[topic]struct{} // these are; guarded by subs.mu
	held   map[topic]struct{} // what is subscribed to; guarded by subs.mu
}

// run keeps the connection up. It is the only caller of the other methods, but for the hooks.
func (c *subConn) run(ctx context.Context) {
	for pause := new(backoff); ; {
		c.subs.down(c, nil, nil) // the first look is at all
		begin := time.Now()
		err := c.session(ctx)
		if ctx.Err() != nil {
			return
		}
		c.subs.down(c, nil, fmt.Errorf("redis: subscription lost: %w", err))
		if time.Since(begin) > c.subs.bus.cfg.Probe {
			*pause = backoff{}
		}
		if !pause.wait(ctx) {
			return
		}
	}
}

var errGone = errors.New("redis: connection closed")

// session is the life of one connection.
func (c *subConn) session(ctx context.Context) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	conn, release := node.Dedicate()
	defer release()
	defer conn.Close() // it must not be used again with what is subscribed
	ended := conn.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: c.message, OnSubscription: c.changed})
	probe := c.subs.bus.cfg.Probe
	ticks := time.NewTicker(probe)
	defer ticks.Stop()
	do := func(f func(ctx context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, probe)
		defer cancel()
		return f(ctx)
	}
	for {
		add, del := c.subs.todo(c)
		for len(add) > 0 || len(del) > 0 {
			n, m := min(len(add), chunk), min(len(del), chunk)
			if err := do(func(ctx context.Context) error { return c.change(ctx, conn, add[:n], del[:m]) }); err != nil {
				return err
			}
			c.subs.done(c, add[:n], del[:m])
			add, del = add[n:], del[m:]
		}
		select {
		case <-c.wake:
		case <-ticks.C:
			if err := do(func(ctx context.Context) error { return conn.Do(ctx, conn.B().Ping().Build()).Error() }); err != nil {
				return err
			}
		case err := <-ended:
			if err == nil {
				err = errGone
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// node returns the client of the node to subscribe at.
func (c *subConn) node() (rueidis.Client, error) {
	if c.client.Mode() != rueidis.ClientModeCluster {
		return c.client, nil
	}
	nodes := c.client.Nodes()
	if c.addr != "" {
		if node, ok := nodes[c.addr]; ok {
			return node, nil
		}
		return nil, fmt.Errorf("redis: no node %s", c.addr)
	}
	if len(nodes) == 0 {
		return nil, errGone
	}
	i := rand.IntN(len(nodes)) // another one after a failure
	for _, node := range nodes {
		if i--; i < 0 {
			return node, nil
		}
	}
	return nil, errGone
}

// chunk is the number of topics that are subscribed to at once.
const chunk = 100

// change subscribes and unsubscribes.
func (c *subConn) change(ctx context.Context, conn rueidis.DedicatedClient, add, del []topic) error {
	var list rueidis.Commands
	one := c.addr != "" // channels of different slots cannot be in one command
	each := func(topics []topic, k kind, f func(names ...string) rueidis.Completed) {
		var names []string
		for _, t := range topics {
			switch {
			case t.kind != k:
			case one:
				list = append(list, f(t.name))
			default:
				names = append(names, t.name)
			}
		}
		if len(names) > 0 {
			list = append(list, f(names...))
		}
	}
	b := conn.B()
	each(del, channel, func(n ...string) rueidis.Completed { return b.Unsubscribe().Channel(n...).Build() })
	each(del, pattern, func(n ...string) rueidis.Completed { return b.Punsubscribe().Pattern(n...).Build() })
	each(del, shardChannel, func(n ...string) rueidis.Completed { return b.Sunsubscribe().Channel(n...).Build() })
	each(add, channel, func(n ...string) rueidis.Completed { return b.Subscribe().Channel(n...).Build() })
	each(add, pattern, func(n ...string) rueidis.Completed { return b.Psubscribe().Pattern(n...).Build() })
	each(add, shardChannel, func(n ...string) rueidis.Completed { return b.Ssubscribe().Channel(n...).Build() })
	for _, cmd := range list {
		if err := conn.Do(ctx, cmd).Error(); err != nil && !rueidis.IsRedisNil(err) {
			return err
		}
	}
	// What comes is in order, so that the answer says that all of the above is done.
	return conn.Do(ctx, b.Ping().Build()).Error()
}

// message hands on what has come. It is called by the reader of the connection.
func (c *subConn) message(m rueidis.PubSubMessage) {
	t := topic{channel, m.Channel}
	if m.Pattern != "" {
		t = topic{pattern, m.Pattern}
	}
	links := c.subs.to(t, c)
	if links == nil && m.Pattern == "" {
		t.kind = shardChannel
		links = c.subs.to(t, c)
	}
	for _, k := range links {
		if !k.left.Load() {
			k.bus.form.receive(k, t, m.Channel, []byte(m.Message))
		}
	}
}

var errMoved = errors.New("redis: channel moved to another node")

// changed notes that Redis has ended a subscription because its slot has moved.
func (c *subConn) changed(s rueidis.PubSubSubscription) {
	if s.Kind != "sunsubscribe" {
		return
	}
	t := topic{shardChannel, s.Channel}
	if c.subs.to(t, c) != nil {
		c.subs.down(c, &t, errMoved)
	}
}
