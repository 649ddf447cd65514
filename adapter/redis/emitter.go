// SPDX-License-Identifier: MIT

package redis

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/sio-go/sio/adapter"
)

// NewEmitter returns an Emitter that sends with a client, which is not closed. Messages
// wait for Redis to accept them, until the Emitter's Context ends.
//
// There is no official emitter for Sharded; ours is understood by its servers.
func NewEmitter(client rueidis.Client, cfg *EmitterConfig) adapter.Emitter {
	c := cfg.with()
	form := formatOf(&c)
	return adapter.NewEmitter(func(ctx context.Context, m *adapter.Message) error {
		args, key, err := form.encode(m, "")
		if err == nil {
			err = tooLong(args, c.MaxMessage)
		}
		if err != nil {
			return err
		}
		return client.Do(ctx, command(client, key, args...)).Error()
	})
}
