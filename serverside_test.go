// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// TestServerSideEmit_S7_11_S7_12: on a server without a cluster nobody is reached, but
// mistakes are told.
func TestServerSideEmit_S7_11_S7_12(t *testing.T) {
	t.Parallel()
	run(t, sio.Config{}, func(t *testing.T, e *env) {
		c := e.join()
		ns := e.srv.Of("/")
		off := ns.OnServerSide("x", func(context.Context, sio.Args) (any, error) {
			t.Error("it came back")
			return nil, nil
		})
		emit := map[string]func(ctx context.Context, event string, args ...any) error{
			"ServerSideEmit": func(_ context.Context, event string, args ...any) error {
				return ns.ServerSideEmit(event, args...)
			},
			"ServerSideEmitWithAck": func(ctx context.Context, event string, args ...any) error {
				answers, err := ns.ServerSideEmitWithAck(ctx, event, args...)
				assert.Equal(t, len(answers), 0)
				return err
			},
		}
		for name, f := range emit {
			assert.NoError(t, f(t.Context(), "x", 1, []byte{2}, map[string]any{"a": nil}))
			assert.NoError(t, f(t.Context(), "disconnect")) // reserved for sockets only
			for _, event := range []string{"connect", "connection", "new_namespace"} {
				var reserved *packet.ReservedError
				err := f(t.Context(), event, 1)
				assert.True(t, errors.As(err, &reserved) && reserved.Event == event, "%s of %s: %v", name, event, err)
			}
			var bad *packet.ArgError
			err := f(t.Context(), "x", make(chan int))
			assert.True(t, errors.As(err, &bad), "%s: %v", name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, emit["ServerSideEmitWithAck"](ctx, "x"), context.Canceled)
		c.quiet() // clients get nothing
		off()
		off()
		for _, event := range []string{"connect", "connection", "new_namespace"} {
			func() {
				defer func() { assert.True(t, recover() != nil, "%s was accepted", event) }()
				ns.OnServerSide(event, func(context.Context, sio.Args) (any, error) { return nil, nil })
			}()
		}
	})
}
