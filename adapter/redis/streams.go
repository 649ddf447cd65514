// SPDX-License-Identifier: MIT

package redis

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// streams is the format of Streams (A5).
type streams struct{ cfg *Config }

func (f streams) kind() kind {
	if f.cfg.Stream.Sharded {
		return shardChannel
	}
	return channel
}

func (f streams) topics(nsp, uid string) []topic {
	t := f.count(nsp)
	return []topic{t, {t.kind, t.name + uid + "#"}}
}

func (f streams) count(nsp string) topic { return topic{f.kind(), f.cfg.Prefix + "#" + nsp + "#"} }

// stream returns the stream that a namespace is in (A5.2). The remainder has the sign that it has
// in Node (B6): we read what we write to.
func (f streams) stream(nsp string) string {
	if f.cfg.Stream.Count == 1 {
		return f.cfg.Stream.Name
	}
	var h int32
	for _, unit := range utf16.Encode([]rune(nsp)) {
		h = h*31 + int32(unit)
	}
	return f.cfg.Stream.Name + "-" + strconv.Itoa(int(h)%f.cfg.Stream.Count)
}

// passing reports whether a message is published, instead of kept (A5.3, A5.5, A9.5).
func passing(m *adapter.Message) bool {
	switch m.Type {
	case adapter.Broadcast:
		return m.Request != ""
	case adapter.ServerSideEmit:
		return m.UID != adapter.EmitterUID
	default:
		return m.Type == adapter.FetchSockets || m.Type.Response()
	}
}

func (f streams) encode(m *adapter.Message, to string) ([]string, string, error) {
	if !passing(m) {
		return f.entry(m)
	}
	data, err := envelope.AppendPacked(nil, m)
	if err != nil {
		return nil, "", err
	}
	name := f.count(m.Namespace).name
	if to != "" {
		name += to + "#"
	}
	if f.cfg.Stream.Sharded {
		return []string{"SPUBLISH", name, string(data)}, name, nil
	}
	return []string{"PUBLISH", name, string(data)}, f.cfg.Prefix, nil
}

// entry returns the command that adds a message to its stream.
func (f streams) entry(m *adapter.Message) ([]string, string, error) {
	packed := m.Binary()
	w := envelope.NewWriter(nil, packed)
	switch {
	case m.UID != adapter.EmitterUID || m.Type == adapter.ServerSideEmit:
		w.Data(m)
	default:
		writeEmitter(w, m)
	}
	data, err := w.Bytes()
	if err != nil {
		return nil, "", err
	}
	text := string(data)
	if packed { // A5.4
		text = base64.StdEncoding.EncodeToString(data)
	}
	name := f.stream(m.Namespace)
	return []string{
		"XADD", name, "MAXLEN", "~", strconv.Itoa(f.cfg.Stream.MaxLen), "*",
		"uid", m.UID, "nsp", m.Namespace, "type", strconv.Itoa(int(m.Type)), "data", text,
	}, name, nil
}

// writeEmitter writes the data of an emitter, whose packets name the namespace (A9.5).
func writeEmitter(w *envelope.Writer, m *adapter.Message) {
	if m.Type != adapter.Broadcast {
		w.Data(m)
		return
	}
	w.Object(2)
	w.Key("packet")
	w.Packet(m.Args, m.Namespace)
	w.Key("opts")
	w.Options(m.Options)
	w.End()
}

func (f streams) receive(k *link, _ topic, channel string, data []byte) {
	receiveEnvelope(k, channel, data)
}

// parseEntry reads an entry of a stream.
func parseEntry(id string, fields map[string]string) (*adapter.Message, error) {
	n, err := strconv.ParseUint(fields["type"], 10, 8)
	if err != nil {
		return nil, errMember
	}
	m := &adapter.Message{Type: adapter.Type(n), UID: fields["uid"], Namespace: fields["nsp"]}
	text := fields["data"]
	var data envelope.Value
	switch {
	case text == "":
	case text[0] == '{':
		data = envelope.JSON([]byte(text))
	default:
		packed, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		data = envelope.Packed(packed)
	}
	if err := envelope.ParseData(m, data); err != nil {
		return nil, err
	}
	if m.Type == adapter.Broadcast {
		m.Offset = id
	}
	return m, nil
}

// isID reports whether a position may be that of an entry (A5.12).
func isID(offset string) bool {
	ms, seq, ok := strings.Cut(offset, "-")
	return ok && digits(ms) && digits(seq)
}

func digits(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == ""
}
