// SPDX-License-Identifier: MIT

package event_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/internal/event"
	"github.com/sio-go/sio/packet"
)

// end is one end of a connection on which what is sent arrives at once, as bytes.
type end struct {
	handlers map[string]func(ctx context.Context, e *end, m *message) error
	sent     []string
}

type message struct {
	args   packet.Args
	hasAck bool
	reply  packet.Args
	err    error
}

func (m *message) Args() packet.Args { return m.args }
func (m *message) HasAck() bool      { return m.hasAck }
func (m *message) Reply(args ...any) (err error) {
	m.reply, err = encode(args)
	return err
}

// encode sends arguments through the codec.
func encode(args []any) (packet.Args, error) {
	text, attachments, err := packet.Append(nil, &packet.Packet{Type: packet.Ack, HasID: true, Args: args})
	if err != nil {
		return packet.Args{}, err
	}
	var d packet.Decoder
	p, complete, err := d.Add(text, false)
	for _, a := range attachments {
		p, complete, err = d.Add(a, true)
	}
	if err == nil && !complete {
		err = errors.New("incomplete")
	}
	return p.Args, err
}

func (e *end) On(name string, h func(ctx context.Context, e *end, m *message) error) (off func()) {
	if e.handlers == nil {
		e.handlers = map[string]func(context.Context, *end, *message) error{}
	}
	e.handlers[name] = h
	return func() { delete(e.handlers, name) }
}

func (e *end) deliver(name string, hasAck bool, args []any) *message {
	m := &message{hasAck: hasAck}
	if m.args, m.err = encode(args); m.err == nil {
		m.err = e.handlers[name](context.Background(), e, m)
	}
	return m
}

func (e *end) Emit(name string, args ...any) error {
	e.sent = append(e.sent, name)
	return e.deliver(name, false, args).err
}

func (e *end) EmitWithAck(_ context.Context, name string, args ...any) (packet.Args, error) {
	m := e.deliver(name, true, args)
	return m.reply, m.err
}

func TestOn(t *testing.T) {
	t.Parallel()
	var e end
	var got string
	event.On(&e, event.Event[int]("one"), func(_ context.Context, on *end, v int) error { got = fmt.Sprint(v, on == &e); return nil })
	event.On(&e, "none", func(context.Context, *end, event.None) error { got = "none"; return nil })
	event.On(&e, "two", func(_ context.Context, _ *end, v event.Args2[string, []byte]) error {
		got = fmt.Sprint(v.A, v.B)
		return nil
	})
	event.On(&e, "three", func(_ context.Context, _ *end, v event.Args3[int, int, int]) error { got = fmt.Sprint(v); return nil })
	off := event.On(&e, "raw", func(_ context.Context, _ *end, v packet.Args) error { got = fmt.Sprint(v.Len()); return nil })
	for _, c := range []struct {
		name string
		args []any
		want string
	}{
		{"one", event.Spread(7), "7 true"},
		{"none", event.Spread(event.None{}), "none"},
		{"two", event.Spread(event.Args2[string, []byte]{A: "a", B: []byte{1}}), "a[1]"},
		{"three", event.Spread(event.Args3[int, int, int]{A: 1, B: 2, C: 3}), "{1 2 3}"},
		{"raw", []any{1, 2, 3, 4}, "4"},
	} {
		got = ""
		assert.NoError(t, e.Emit(c.name, c.args...))
		assert.Equal(t, got, c.want)
	}
	got = ""
	assert.Error(t, e.Emit("one", "no number"))
	assert.Error(t, e.Emit("one")) // missing
	assert.Error(t, e.Emit("three", 1, 2))
	assert.Equal(t, got, "")
	off()
	assert.Equal(t, len(e.handlers), 4)
}

func TestHandle(t *testing.T) {
	t.Parallel()
	const double event.Request[int, int] = "double"
	var e end
	var fail error
	event.Handle(&e, double, func(_ context.Context, _ *end, n int) (int, error) { return 2 * n, fail })
	n, err := event.Ask(t.Context(), &e, double, 21)
	assert.NoError(t, err)
	assert.Equal(t, n, 42)
	m := e.deliver("double", false, []any{1}) // nobody has asked
	assert.NoError(t, m.err)
	assert.Equal(t, m.reply.Len(), 0)

	fail = &event.ReplyError{Message: "no", Data: map[string]any{"code": 7.0}}
	_, err = event.Ask(t.Context(), &e, double, 1)
	reply, ok := errors.AsType[*event.ReplyError](err)
	assert.True(t, ok, "%v", err)
	assert.Equal(t, *reply, event.ReplyError{Message: "no", Data: map[string]any{"code": 7.0}})
	assert.Equal(t, err.Error(), "no")

	fail = errors.New("internal") // not for the other side
	m = e.deliver("double", true, []any{1})
	assert.ErrorIs(t, m.err, fail)
	assert.Equal(t, m.reply.Len(), 0)
	assert.Error(t, e.deliver("double", true, []any{"x"}).err)
	_, err = event.Ask(t.Context(), &e, double, 1)
	assert.ErrorIs(t, err, fail)
}

// What only looks a little like an error is an answer.
func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		map[string]any{"error": 1}, map[string]any{"error": nil}, map[string]any{"error": map[string]any{"data": 1}},
		map[string]any{"error": map[string]any{"message": 1}},
	} {
		args, err := encode([]any{v})
		assert.NoError(t, err)
		got, err := event.Answer[any](args)
		assert.NoError(t, err)
		assert.True(t, got != nil, "nothing")
	}
	args, err := encode([]any{map[string]any{"error": map[string]any{"message": "m"}}, 2})
	assert.NoError(t, err)
	_, err = event.Answer[packet.Args](args) // two arguments
	assert.NoError(t, err)
}

func TestBind(t *testing.T) {
	t.Parallel()
	args, err := encode([]any{1, "two", []byte{3}})
	assert.NoError(t, err)
	var a, more int
	var c []byte
	assert.NoError(t, event.Bind(args, &a, nil, &c, &more))
	assert.Equal(t, a, 1)
	assert.Equal(t, c, []byte{3})
	assert.Equal(t, more, 0)
	assert.Error(t, event.Bind(args, &a, &a))
}

func TestNil(t *testing.T) {
	t.Parallel()
	for _, register := range []func(e *end){
		func(e *end) { event.On[*end, *message, int](e, "x", nil) },
		func(e *end) { event.Handle[*end, *message, int, int](e, "x", nil) },
	} {
		func() {
			defer func() { assert.True(t, recover() != nil, "no panic") }()
			register(new(end))
		}()
	}
}
