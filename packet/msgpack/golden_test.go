// SPDX-License-Identifier: MIT

package msgpack_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
	"github.com/sio-go/sio/packet/msgpack"
)

// golden is testdata/golden.json: what the official parser makes of packets and of
// messages.
type golden struct {
	Packets, Messages []vector
	Bad               []struct{ Name, Hex, Error string }
}

// vector is a message and the packet it holds.
type vector struct {
	Name, Hex string
	Same      bool // Go encodes to the same bytes
	Refused   bool // by Go alone
	Type      packet.Type
	NSP       string
	ID        *uint64
	Data      any // binary is {"$bin": hex}
}

func vectors(t testing.TB) (g golden) {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	assert.NoError(t, err)
	// The ids of refused messages may be negative.
	type loose struct {
		vector
		ID json.Number
	}
	var raw struct {
		Packets  []vector
		Messages []loose
		Bad      []struct{ Name, Hex, Error string }
	}
	assert.NoError(t, json.Unmarshal(data, &raw))
	g.Packets, g.Bad = raw.Packets, raw.Bad
	for _, m := range raw.Messages {
		g.Messages = append(g.Messages, m.vector)
	}
	assert.True(t, len(g.Packets) > 30 && len(g.Messages) > 10 && len(g.Bad) > 30, "vectors are missing")
	return g
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	data, err := hex.DecodeString(s)
	assert.NoError(t, err)
	return data
}

// decode decodes one message with the default limits.
func decode(data []byte) (packet.Received, error) {
	p, complete, err := msgpack.Codec{}.NewDecoder(packet.Limits{}).Add(data, true)
	if complete != (err == nil) {
		panic("neither complete nor an error")
	}
	return p, err
}

// encode encodes a packet and returns its only message.
func encode(t testing.TB, p *packet.Packet) []byte {
	t.Helper()
	text, attachments, err := msgpack.Codec{}.Append([]byte("before"), p)
	assert.NoError(t, err)
	assert.True(t, text == nil && len(attachments) == 1, "text %q, %d attachments", text, len(attachments))
	return attachments[0]
}

// resend turns a received packet into one to be sent.
func resend(r packet.Received) *packet.Packet {
	p := &packet.Packet{Type: r.Type, Namespace: r.Namespace, ID: r.ID, HasID: r.HasID, Event: r.Event}
	if r.Args.Len() > 0 {
		p.Args = []any{r.Args}
	}
	return p
}

// plain makes of a received packet what golden.mjs makes of one.
func plain(t testing.TB, r packet.Received) any {
	t.Helper()
	list := []any{}
	if r.Type == packet.Event {
		list = append(list, r.Event)
	}
	for i := range r.Args.Len() {
		var v any
		assert.NoError(t, r.Args.Unmarshal(i, &v))
		list = append(list, bins(v))
	}
	switch {
	case r.Type == packet.Event || r.Type == packet.Ack:
		return list
	case len(list) > 0:
		return list[0]
	}
	return nil
}

func bins(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]any{"$bin": hex.EncodeToString(v)}
	case []any:
		for i := range v {
			v[i] = bins(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = bins(v[k])
		}
	}
	return v
}

// TestGolden_X1_3: packets of the official encoder decode to the same values, and
// encode to the same bytes, if they come from JSON and binary data.
func TestGolden_X1_3(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t).Packets {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			r, err := decode(unhex(t, v.Hex))
			assert.NoError(t, err)
			checkVector(t, r, v)
			if r.Type == packet.Ack && !r.HasID {
				return // cannot be sent
			}
			again := encode(t, resend(r))
			if v.Same {
				assert.Equal(t, hex.EncodeToString(again), v.Hex)
			}
			r, err = decode(again)
			assert.NoError(t, err)
			v.NSP = r.Namespace
			checkVector(t, r, v)
		})
	}
}

func checkVector(t *testing.T, r packet.Received, v vector) {
	t.Helper()
	assert.Equal(t, r.Type, v.Type)
	assert.Equal(t, r.Namespace, v.NSP)
	assert.Equal(t, r.HasID, v.ID != nil)
	if v.ID != nil {
		assert.Equal(t, r.ID, *v.ID)
	}
	want := v.Data
	if list, ok := want.([]any); ok && r.Type == packet.Event && len(list) > 0 && list[0] == float64(42) {
		list[0] = "42" // P2.23
	}
	assert.Equal(t, plain(t, r), want)
}

// TestForeign: messages of other encoders. X1.4: of those that the official parser takes,
// a few are refused.
func TestForeign(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t).Messages {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			r, err := decode(unhex(t, v.Hex))
			if v.Refused {
				assert.Error(t, err)
				return
			}
			assert.NoError(t, err)
			v.ID = nil
			checkVector(t, r, v)
		})
	}
}

// TestInvalid_X1_4: what the official parser refuses is refused with the same words. But
// lengths beyond the end are told as such.
func TestInvalid_X1_4(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t).Bad {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			r, err := decode(unhex(t, v.Hex))
			assert.Error(t, err)
			if v.Error[0] == '-' {
				v.Error = "Could not parse"
			}
			assert.Equal(t, err.Error(), v.Error)
			assert.Equal(t, r, packet.Received{})
		})
	}
}
