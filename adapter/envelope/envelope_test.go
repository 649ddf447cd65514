// SPDX-License-Identifier: MIT

package envelope_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// args makes Args of values.
func args(t testing.TB, values ...any) packet.Args {
	t.Helper()
	text, blobs, err := packet.AppendPayload(nil, &packet.Packet{Type: packet.Ack, HasID: true, Args: values})
	assert.NoError(t, err)
	a, err := packet.NewArgs(text, blobs, packet.Limits{Attachments: -1})
	assert.NoError(t, err)
	return a
}

const uid = "2cc56a4f2e01fd06"

// messages are one of each kind, with the JSON that the official adapters send, and "" where
// there is binary data.
func messages(t testing.TB) []struct {
	name string
	m    *adapter.Message
	json string
} {
	rooms := adapter.Options{Rooms: []string{"room1"}}
	list := []struct {
		name string
		m    *adapter.Message
		json string
	}{
		{"initial heartbeat", &adapter.Message{Type: adapter.InitialHeartbeat}, `{"type":1,`},
		{"heartbeat", &adapter.Message{Type: adapter.Heartbeat}, `{"type":2,`},
		{"broadcast", &adapter.Message{Type: adapter.Broadcast, Args: args(t, "ev"), Options: rooms},
			`{"type":3,"data":{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":["room1"],"except":[],"flags":{}}},`},
		{"broadcast flags", &adapter.Message{Type: adapter.Broadcast, Args: args(t, "ev", 1, map[string]any{"a": "b"}), Request: "f0",
			Options: adapter.Options{Except: []string{"ü\""}, Volatile: true, Plain: true, Timeout: time.Second, Single: true}, Extended: true},
			`{"type":3,"data":{"packet":{"type":2,"data":["ev",1,{"a":"b"}]},"opts":{"rooms":[],"except":["ü\""],"flags":{"volatile":true,"compress":false,"timeout":1000,"expectSingleResponse":true}},"requestId":"f0","extended":true},`},
		{"broadcast binary", &adapter.Message{Type: adapter.Broadcast, Args: args(t, "bin", []byte{1, 2}, "x", []byte("three")), Options: rooms}, ""},
		{"join", &adapter.Message{Type: adapter.SocketsJoin, Options: rooms, Rooms: []string{"a", "b"}},
			`{"type":4,"data":{"opts":{"rooms":["room1"],"except":[],"flags":{}},"rooms":["a","b"]},`},
		{"leave", &adapter.Message{Type: adapter.SocketsLeave, Rooms: []string{"a"}},
			`{"type":5,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"rooms":["a"]},`},
		{"disconnect", &adapter.Message{Type: adapter.DisconnectSockets, Close: true},
			`{"type":6,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"close":true},`},
		{"fetch", &adapter.Message{Type: adapter.FetchSockets, Request: "40272c81093b1010"},
			`{"type":7,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"requestId":"40272c81093b1010"},`},
		{"sockets", &adapter.Message{Type: adapter.FetchSocketsResponse, Request: "1", Sockets: []adapter.Socket{
			{ID: "x", Rooms: []string{"x", "r"}, Handshake: args(t, map[string]any{"address": "::1"}), Data: args(t, map[string]any{})}}},
			`{"type":8,"data":{"requestId":"1","sockets":[{"id":"x","handshake":{"address":"::1"},"rooms":["x","r"],"data":{}}]},`},
		{"sockets binary", &adapter.Message{Type: adapter.FetchSocketsResponse, Request: "1", Sockets: []adapter.Socket{
			{ID: "x", Rooms: []string{"x"}, Handshake: args(t, map[string]any{"auth": map[string]any{"_placeholder": true, "num": 0}}), Data: args(t, map[string]any{})},
			{ID: "y", Rooms: []string{"y"}, Handshake: args(t, map[string]any{}), Data: args(t, map[string]any{"k": []byte{7}})}}}, ""},
		{"server side", &adapter.Message{Type: adapter.ServerSideEmit, Args: args(t, "sse", 1), Request: "2"},
			`{"type":9,"data":{"packet":["sse",1],"requestId":"2"},`},
		{"server side answer", &adapter.Message{Type: adapter.ServerSideEmitResponse, Request: "2", Args: args(t, "resp1")},
			`{"type":10,"data":{"requestId":"2","packet":"resp1"},`},
		{"count", &adapter.Message{Type: adapter.BroadcastClientCount, Request: "40272c81093b1010", Count: 1},
			`{"type":11,"data":{"requestId":"40272c81093b1010","clientCount":1},`},
		{"ack", &adapter.Message{Type: adapter.BroadcastAck, Request: "3", Args: args(t, nil)},
			`{"type":12,"data":{"requestId":"3","packet":null},`},
		{"ack without", &adapter.Message{Type: adapter.BroadcastAck, Request: "3", Socket: "id", Gone: true},
			`{"type":12,"data":{"requestId":"3","sid":"id","gone":true},`},
		{"ack binary", &adapter.Message{Type: adapter.BroadcastAck, Request: "3", Args: args(t, []byte{})}, ""},
		{"close", &adapter.Message{Type: adapter.Close}, `{"type":13,`},
	}
	for _, one := range list {
		one.m.UID, one.m.Namespace = uid, "/"
	}
	for i := range list {
		if list[i].json != "" {
			list[i].json += `"uid":"` + uid + `","nsp":"/"}`
		}
	}
	return list
}

// show is all of a message as text.
func show(t testing.TB, m *adapter.Message) string {
	t.Helper()
	hexed, err := envelope.AppendPacked(nil, m)
	assert.NoError(t, err)
	return hex.EncodeToString(hexed)
}

// TestEnvelope_A2 compares with what the official adapters send, and reads both forms.
func TestEnvelope_A2(t *testing.T) {
	t.Parallel()
	for _, one := range messages(t) {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			data, err := envelope.Append(nil, one.m)
			assert.NoError(t, err)
			if one.json != "" {
				assert.Equal(t, string(data), one.json)
			} else {
				_, err := envelope.AppendJSON(nil, one.m)
				assert.ErrorIs(t, err, envelope.ErrBinary)
				assert.True(t, data[0] != '{', "binary data in JSON")
			}
			again, err := envelope.Parse(data)
			assert.NoError(t, err)
			assert.Equal(t, show(t, again), show(t, one.m))
			packed, err := envelope.AppendPacked(nil, one.m)
			assert.NoError(t, err)
			again, err = envelope.Parse(packed)
			assert.NoError(t, err)
			assert.Equal(t, show(t, again), show(t, one.m))
			assert.Equal(t, again.Extended, one.m.Extended)
			assert.Equal(t, again.Gone, one.m.Gone)
			for cut := range data {
				_, err := envelope.Parse(data[:cut])
				assert.True(t, err != nil, "%d of %d bytes are enough", cut, len(data))
			}
		})
	}
}

// TestData_A5_4 reads what Node has sent to a stream, and writes the same.
func TestData_A5_4(t *testing.T) {
	t.Parallel()
	official, err := base64.StdEncoding.DecodeString("gqZwYWNrZXSCpHR5cGUCpGRhdGGVo2JpbsQCAQLW/wAAAAHAgaF1wKRvcHRzg6Vyb29tc5CmZXhjZXB0kKVmbGFnc4A=")
	assert.NoError(t, err)
	m := &adapter.Message{Type: adapter.Broadcast, UID: uid}
	assert.NoError(t, envelope.ParseData(m, envelope.Sniff(official)))
	assert.Equal(t, m.Args.Len(), 5)
	var data []byte
	assert.NoError(t, m.Args.Unmarshal(1, &data))
	assert.Equal(t, string(data), "\x01\x02")
	var at time.Time
	assert.NoError(t, m.Args.Unmarshal(2, &at))
	assert.Equal(t, at.UnixMilli(), 1000)

	plain := &adapter.Message{Type: adapter.Broadcast, UID: uid, Args: args(t, "ev", 1, map[string]any{"a": "b"})}
	text, err := envelope.AppendData(nil, plain, false)
	assert.NoError(t, err)
	assert.Equal(t, string(text), `{"packet":{"type":2,"data":["ev",1,{"a":"b"}]},"opts":{"rooms":[],"except":[],"flags":{}}}`)
}

// TestWriter_A3_5 builds what the classic Redis adapter sends.
func TestWriter_A3_5(t *testing.T) {
	t.Parallel()
	w := envelope.NewWriter(nil, true)
	w.Array(3)
	w.String("K3v7gN")
	w.Packet(args(t, "ev", 1, map[string]any{"a": "b"}), "/")
	w.Options(adapter.Options{})
	w.End()
	data, err := w.Bytes()
	assert.NoError(t, err)
	assert.Equal(t, hex.EncodeToString(data), "93a64b337637674e83a47479706502a46461746193a265760181a161a162a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380")
	assert.NoError(t, envelope.Sniff(data).Elements(func(i int, v envelope.Value) error {
		switch i {
		case 0:
			s, _ := v.Text()
			assert.Equal(t, s, "K3v7gN")
		case 1:
			a, err := envelope.ParsePacket(v)
			assert.NoError(t, err)
			name, err := envelope.Event(a)
			assert.NoError(t, err)
			assert.Equal(t, name, "ev")
		default:
			_, err := envelope.ParseOptions(v)
			assert.NoError(t, err)
		}
		return nil
	}))
}

// TestParse_A10 is tolerant where Node's users are.
func TestParse_A10(t *testing.T) {
	t.Parallel()
	t.Run("A10.2", func(t *testing.T) {
		t.Parallel()
		m, err := envelope.Parse([]byte(` {"type":3,"data":{"packet":{"type":2,"data":["ev"]},"opts":{"rooms":[1,"2"],"except":[3.5]}},"uid":"x"}`)[1:])
		assert.NoError(t, err)
		assert.Equal(t, strings.Join(m.Options.Rooms, " "), "1 2")
		assert.Equal(t, m.Options.Except[0], "3.5")
		packed, err := hex.DecodeString("84a47479706504a3756964a178a36e7370c0a46461746182a46f70747382a5726f6f6d7392cd0100a162a665786365707490a5726f6f6d7391ff")
		assert.NoError(t, err)
		m, err = envelope.Parse(packed)
		assert.NoError(t, err)
		assert.Equal(t, strings.Join(m.Options.Rooms, " "), "256 b")
		assert.Equal(t, m.Rooms[0], "-1")
	})
	t.Run("A10.4", func(t *testing.T) {
		t.Parallel()
		m, err := envelope.Parse([]byte(`{"nodeId":{"a":[1,"]"]},"uid":"x","data":{"extra":[{}],"clientCount":2,"requestId":"r"},"type":11}`))
		assert.NoError(t, err)
		assert.Equal(t, m.Namespace, "")
		assert.Equal(t, m.Count, 2)
	})
}

// TestParse_bad refuses what is no message.
func TestParse_bad(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "{", "null", `"x"`, "[]", "{}", `{"type":3}`, `{"uid":"x"}`, `{"type":99,"uid":"x"}`, `{"type":-1,"uid":"x"}`,
		`{"type":"3","uid":"x"}`, `{"type":3,"uid":"x"}`, `{"type":3,"uid":"x","data":{}}`, `{"type":2,"uid":{}}`,
		`{"type":3,"uid":"x","data":{"packet":{"type":2,"data":[]},"opts":{"rooms":[],"except":[]}}}`,
		`{"type":3,"uid":"x","data":{"packet":{"type":0,"data":["a"]},"opts":{"rooms":[],"except":[]}}}`,
		`{"type":3,"uid":"x","data":{"packet":{"type":2,"data":["a",}]},"opts":{"rooms":[],"except":[]}}}`,
		`{"type":3,"uid":"x","data":{"packet":{"type":2,"data":["a"]},"opts":{"rooms":[{}],"except":[]}}}`,
		`{"type":4,"uid":"x","data":{"opts":{"rooms":[],"except":[]}}}`, `{"type":7,"uid":"x","data":{"opts":{"rooms":[],"except":[]}}}`,
		`{"type":8,"uid":"x","data":{"requestId":"1","sockets":[{}]}}`, `{"type":11,"uid":"x","data":{"requestId":"1","clientCount":-1}}`,
		`{"type":2,"uid":"x",}`, `{"type":2 "uid":"x"}`, `{"type":2,"uid":"x"`, "\x80", "\xdf\xff\xff\xff\xff", "\x81\xa4type", "\xdd\xff\xff\xff\xff", "\xc1",
		strings.Repeat(`{"data":`, 2000), `{"type":9,"uid":"x","data":{"packet":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}}",
	} {
		_, err := envelope.Parse([]byte(text))
		assert.True(t, err != nil, "%.60q is taken for a message", text)
	}
}

// FuzzParse: what can be read can be written, and then is the same.
func FuzzParse(f *testing.F) {
	for _, one := range messages(f) {
		data, err := envelope.Append(nil, one.m)
		assert.NoError(f, err)
		f.Add(data)
		data, err = envelope.AppendPacked(nil, one.m)
		assert.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := envelope.Parse(data)
		if err != nil {
			return
		}
		packed := show(t, m)
		again, err := envelope.Append(nil, m)
		assert.NoError(t, err)
		m, err = envelope.Parse(again)
		assert.NoError(t, err)
		assert.Equal(t, show(t, m), packed)
	})
}

// FuzzValue walks through anything.
func FuzzValue(f *testing.F) {
	f.Add([]byte(`{"a":[1,"x",null,true,{"b":-1.5e3}]}`))
	f.Add([]byte("\x82\xa1a\x93\xc0\xc3\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xa1b\xd6\xff\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		walk(envelope.Sniff(data), 0)
		walk(envelope.JSON(data), 0)
		walk(envelope.Packed(data), 0)
	})
}

func walk(v envelope.Value, depth int) {
	v.Text()
	v.Int()
	v.True()
	v.Absent()
	_, _ = v.List()
	_, _ = v.Arg()
	_, _ = v.Args()
	if depth == 20 {
		return
	}
	_ = v.Members(func(_ string, v envelope.Value) error { walk(v, depth+1); return nil })
	_ = v.Elements(func(_ int, v envelope.Value) error { walk(v, depth+1); return nil })
}
