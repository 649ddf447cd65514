// SPDX-License-Identifier: MIT

package msgpack_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

// FuzzDecode: whatever decodes can be sent on, and decodes to the same again.
func FuzzDecode(f *testing.F) {
	g := vectors(f)
	for _, v := range slices.Concat(g.Packets, g.Messages) {
		f.Add(unhex(f, v.Hex))
	}
	for _, v := range g.Bad {
		f.Add(unhex(f, v.Hex))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		was := bytes.Clone(data)
		r, err := decode(data)
		if err != nil {
			var syntax *packet.SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(data) {
				t.Fatalf("error %#v", err)
			}
			return
		}
		p := resend(r)
		if p.Type == packet.Ack && !p.HasID || p.Type == packet.Event && p.ID >= 1<<53 {
			return // cannot be sent
		}
		_, messages, err := msgpack.Codec{}.Append(nil, p)
		if err != nil {
			t.Fatalf("does not encode: %v", err)
		}
		again, err := decode(messages[0])
		if err != nil {
			t.Fatalf("does not decode again: %v", err)
		}
		if !bytes.Equal(data, was) {
			t.Fatal("the message was changed")
		}
		if again.Type != r.Type || again.Namespace != r.Namespace || again.Event != r.Event || again.Args.Len() != r.Args.Len() {
			t.Fatalf("%+v became %+v", r, again)
		}
		if hasID := r.HasID && (r.Type == packet.Event || r.Type == packet.Ack); again.HasID != hasID || hasID && again.ID != r.ID {
			t.Fatalf("%+v became %+v", r, again)
		}
		for i := range r.Args.Len() {
			a, _ := r.Args.Raw(i)
			b, _ := again.Args.Raw(i)
			if !bytes.Equal(a, b) {
				t.Fatalf("argument %d: %s became %s", i, a, b)
			}
			var v any
			if err := r.Args.Unmarshal(i, &v); err != nil {
				t.Fatalf("argument %d: %v", i, err)
			}
		}
		if !slices.EqualFunc(r.Args.Attachments(), again.Args.Attachments(), bytes.Equal) {
			t.Fatal("attachments differ")
		}
		// The default codec sends it on as well, but for attachments of a Connect.
		if _, _, err := packet.Append(nil, p); err != nil && (r.Type == packet.Event || r.Type == packet.Ack) {
			t.Fatalf("does not encode as text: %v", err)
		}
	})
}
