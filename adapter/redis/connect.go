// SPDX-License-Identifier: MIT

package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// connector has the client, which may not be there at first.
type connector struct {
	option *rueidis.ClientOption // nil: the client was given

	mu     sync.Mutex
	client rueidis.Client
	err    error
	ready  chan struct{} // closed when client is set
	tried  chan struct{} // closed when connecting has ended for the first time
}

func given(client rueidis.Client) *connector {
	c := &connector{client: client, ready: make(chan struct{}), tried: make(chan struct{})}
	close(c.ready)
	close(c.tried)
	return c
}

func dialled(option rueidis.ClientOption) *connector {
	return &connector{option: &option, err: errConnecting, ready: make(chan struct{}), tried: make(chan struct{})}
}

var errConnecting = errors.New("redis: not connected yet")

// get returns the client, or why there is none. It waits for the first attempt to end.
func (c *connector) get(ctx context.Context) (rueidis.Client, error) {
	select {
	case <-c.tried:
		return c.now()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *connector) now() (rueidis.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil {
		return nil, c.err
	}
	return c.client, nil
}

// wait waits for the client.
func (c *connector) wait(ctx context.Context) (rueidis.Client, error) {
	select {
	case <-c.ready:
		return c.now()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run connects, for as long as it takes, and tells of errors.
func (c *connector) run(ctx context.Context, fail func(error)) {
	if c.option == nil {
		return
	}
	option := *c.option
	bind(ctx, &option)
	once := sync.OnceFunc(func() { close(c.tried) })
	for pause := new(backoff); ; {
		client, err := rueidis.NewClient(option)
		if err == nil {
			c.mu.Lock()
			c.client, c.err = client, nil
			c.mu.Unlock()
			close(c.ready)
			once()
			return
		}
		err = fmt.Errorf("redis: connecting: %w", err)
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
		once()
		if ctx.Err() != nil {
			return
		}
		fail(err)
		if !pause.wait(ctx) {
			return
		}
	}
}

// close closes the client if it is ours.
func (c *connector) close() {
	if c.option == nil {
		return
	}
	if client, err := c.now(); err == nil {
		client.Close()
	}
}

// bind has connecting end when ctx does.
func bind(ctx context.Context, option *rueidis.ClientOption) {
	dial := option.DialCtxFn
	if dial == nil {
		dial = func(ctx context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
			if cfg != nil {
				return (&tls.Dialer{NetDialer: d, Config: cfg}).DialContext(ctx, "tcp", addr)
			}
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	option.DialCtxFn = func(inner context.Context, addr string, d *net.Dialer, cfg *tls.Config) (net.Conn, error) {
		inner, cancel := context.WithCancel(inner)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return dial(inner, addr, d, cfg)
	}
}

// backoff is the time between attempts.
type backoff struct{ next time.Duration }

// wait waits, longer each time. It returns false if ctx ends.
func (b *backoff) wait(ctx context.Context) bool {
	b.next = min(max(2*b.next, backoffMin), backoffMax)
	timer := time.NewTimer(b.next - rand.N(b.next/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
