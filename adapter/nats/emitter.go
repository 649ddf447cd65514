// SPDX-License-Identifier: MIT

package nats

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// EmitterConfig has the settings of an emitter. nil and the zero value mean the defaults.
type EmitterConfig struct {
	// Prefix is that of the servers. "" means "sio".
	Prefix string
	// MaxMessage is the size in bytes of the longest message that is sent. 0 means 1 MiB.
	MaxMessage int
	// Log says that the servers have Config.Log: what is sent is kept, for clients that
	// return later. Without it servers with a log get it too, but do not keep it.
	Log bool
}

// emitWait is how long an answer of the server is waited for if the context has no deadline.
const emitWait = 10 * time.Second

// NewEmitter returns an emitter on a connection, which stays the caller's. Its Emit waits
// until the NATS server has taken the message: for as long as its Context allows, and for
// 10 s without a deadline. It is safe for concurrent use, which is what gets many
// messages sent fast.
func NewEmitter(conn *nats.Conn, cfg *EmitterConfig) adapter.Emitter {
	var c EmitterConfig
	if cfg != nil {
		c = *cfg
	}
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	def(&c.MaxMessage, 1<<20)
	e := &emitter{conn: conn, cfg: c, err: checkPrefix(c.Prefix)}
	if c.Log && e.err == nil {
		e.js, e.err = jetstream.New(conn)
	}
	return adapter.NewEmitter(e.send)
}

type emitter struct {
	conn   *nats.Conn
	cfg    EmitterConfig
	js     jetstream.JetStream
	err    error
	router router
}

func (e *emitter) send(ctx context.Context, m *adapter.Message) error {
	if e.err != nil {
		return e.err
	}
	data, err := envelope.Append(nil, m)
	if err != nil {
		return err
	}
	if len(data) > e.cfg.MaxMessage {
		return fmt.Errorf("nats: a message of %d bytes, the limit is %d", len(data), e.cfg.MaxMessage)
	}
	ctx, cancel := context.WithTimeout(ctx, emitWait)
	defer cancel()
	sub := subjectsOf(e.cfg.Prefix, m.Namespace)
	if e.js != nil {
		if _, err := e.js.PublishMsg(ctx, &nats.Msg{Subject: sub.log(), Data: data}); err != nil {
			return fmt.Errorf("nats: %w", err)
		}
		return nil
	}
	if err := e.conn.Publish(e.router.subject(sub, m), data); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	if err := e.conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	return nil
}
