// SPDX-License-Identifier: MIT

package packet_test

import (
	"math"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

const mark0 = `{"_placeholder":true,"num":0}`

// TestAppendPayload: the payload is that of Append, also of Connect with attachments.
func TestAppendPayload(t *testing.T) {
	t.Parallel()
	args := func(list string, blobs ...[]byte) packet.Args {
		a, err := packet.NewArgs([]byte(list), blobs, packet.Limits{})
		assert.NoError(t, err)
		return a
	}
	blob := []byte{1, 2}
	for _, c := range []struct {
		name  string
		p     packet.Packet
		want  string
		blobs int
		err   bool
	}{
		{"event", packet.Packet{Type: packet.Event, Namespace: "/a", ID: 7, HasID: true, Event: "e", Args: []any{1, "b"}}, `["e",1,"b"]`, 0, false},
		{"event with binary", packet.Packet{Type: packet.Event, Event: "e", Args: []any{blob}}, `["e",` + mark0 + `]`, 1, false},
		{"ack", packet.Packet{Type: packet.Ack, HasID: true}, `[]`, 0, false},
		{"ack without id", packet.Packet{Type: packet.Ack}, "", 0, true},
		{"argument", packet.Packet{Type: packet.Event, Args: []any{math.NaN()}}, "", 0, true},
		{"forged", packet.Packet{Type: packet.Event, Args: []any{blob, packet.Raw(mark0)}}, "", 0, true},
		{"disconnect", packet.Packet{Type: packet.Disconnect}, "", 0, false},
		{"connect", packet.Packet{Type: packet.Connect}, "", 0, false},
		{"connect with null", packet.Packet{Type: packet.Connect, Args: []any{nil}}, "", 0, false},
		{"connect with object", packet.Packet{Type: packet.Connect, Args: []any{map[string]int{"a": 1}}}, `{"a":1}`, 0, false},
		{"connect with binary", packet.Packet{Type: packet.Connect, Args: []any{map[string][]byte{"a": blob}}}, `{"a":` + mark0 + `}`, 1, false},
		{"connect that is binary", packet.Packet{Type: packet.Connect, Args: []any{blob}}, "", 0, true},
		{"connect with received", packet.Packet{Type: packet.Connect, Args: []any{args(`[ {"a":`+mark0+`} ]`, blob)}}, `{"a":` + mark0 + `}`, 1, false},
		{"connect with received none", packet.Packet{Type: packet.Connect, Args: []any{packet.Args{}}}, "", 0, false},
		{"connect with received two", packet.Packet{Type: packet.Connect, Args: []any{args(`[{},{}]`)}}, "", 0, true},
		{"connect with channel", packet.Packet{Type: packet.Connect, Args: []any{make(chan int)}}, "", 0, true},
		{"connect with string", packet.Packet{Type: packet.Connect, Args: []any{"a"}}, "", 0, true},
		{"connect error", packet.Packet{Type: packet.ConnectError, Args: []any{packet.Raw(" \"a\"")}}, ` "a"`, 0, false},
		{"connect with forged", packet.Packet{Type: packet.Connect, Args: []any{map[string]any{"a": []any{blob, packet.Raw(mark0)}}}}, "", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			json, blobs, err := packet.AppendPayload([]byte("before"), &c.p)
			assert.Equal(t, err != nil, c.err)
			assert.Equal(t, string(json), "before"+c.want)
			assert.Equal(t, len(blobs), c.blobs)
		})
	}
}

// TestNewArgs: only what AppendPayload could have made is taken, within the limits.
func TestNewArgs(t *testing.T) {
	t.Parallel()
	blob := [][]byte{nil}
	for _, c := range []struct {
		name   string
		list   string
		blobs  [][]byte
		limits packet.Limits
		err    string
	}{
		{"empty", "[]", nil, packet.Limits{}, ""},
		{"space", " [ 1 , {} ] ", nil, packet.Limits{}, ""},
		{"binary", "[" + mark0 + "]", blob, packet.Limits{}, ""},
		{"placeholder without binary", "[" + mark0 + "]", nil, packet.Limits{}, ""},
		{"nothing", "", nil, packet.Limits{}, "invalid payload"},
		{"object", "{}", nil, packet.Limits{}, "invalid payload"},
		{"no JSON", "[1", nil, packet.Limits{}, "invalid payload"},
		{"too deep", "[[1]]", nil, packet.Limits{Depth: 1}, "invalid payload"},
		{"too many", "[" + mark0 + "]", make([][]byte, 11), packet.Limits{}, "too many attachments"},
		{"not referred to", "[1]", blob, packet.Limits{}, "illegal attachments"},
		{"referred to twice", "[" + mark0 + "," + mark0 + "]", blob, packet.Limits{}, "illegal attachments"},
		{"another form", "[" + strings.ReplaceAll(mark0, ":", ": ") + "]", blob, packet.Limits{}, "illegal attachments"},
		{"another number", "[" + strings.ReplaceAll(mark0, "0", "1") + "]", blob, packet.Limits{}, "illegal attachments"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, err := packet.NewArgs([]byte(c.list), c.blobs, c.limits)
			if c.err != "" {
				assert.Error(t, err)
				assert.Equal(t, err.Error(), c.err)
				return
			}
			assert.NoError(t, err)
			assert.Equal(t, len(a.Attachments()), len(c.blobs))
			if c.blobs != nil {
				var data []byte
				assert.NoError(t, a.Unmarshal(0, &data))
				assert.True(t, data != nil, "binary data has become null")
			}
		})
	}
}
