// SPDX-License-Identifier: MIT

package redis

import (
	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// sharded is the format of Sharded (A4).
type sharded struct{ cfg *Config }

func (f sharded) topics(nsp, uid string) []topic {
	return []topic{f.count(nsp), {shardChannel, f.cfg.Prefix + "#" + nsp + "#" + uid + "#"}}
}

func (f sharded) count(nsp string) topic { return topic{shardChannel, f.cfg.Prefix + "#" + nsp + "#"} }

// idLen is the length of the ids of sockets (A10.1).
const idLen = 20

// channel returns where a message is published (A4.4, A4.5).
func (f sharded) channel(m *adapter.Message, to string) string {
	base := f.count(m.Namespace).name
	switch {
	case to != "":
		return base + to + "#"
	case m.Type != adapter.Broadcast || m.Request != "" || len(m.Options.Rooms) != 1:
		return base
	}
	room := m.Options.Rooms[0]
	if s := f.cfg.Subscription; s == DynamicPrivate || s == Dynamic && !own(room) {
		return base + room + "#"
	}
	return base
}

func (f sharded) encode(m *adapter.Message, to string) ([]string, string, error) {
	data, err := envelope.Append(nil, m) // A4.6
	if err != nil {
		return nil, "", err
	}
	name := f.channel(m, to)
	return []string{"SPUBLISH", name, string(data)}, name, nil
}

func (f sharded) receive(k *link, _ topic, channel string, data []byte) {
	receiveEnvelope(k, channel, data)
}

// receiveEnvelope hands on a whole envelope.
func receiveEnvelope(k *link, channel string, data []byte) {
	m, err := envelope.Parse(data)
	if err != nil {
		k.bad(channel, err)
		return
	}
	if m.Namespace == "" { // A10.4
		m.Namespace = k.peer.Namespace
	}
	k.receive(m)
}

// shardRouter makes a Router of a link: rooms have channels of their own (A4.3).
type shardRouter struct{ *link }

// Route implements adapter.Router.
//
// JS differs: A4.3, a room with a name as long as an id has no channel in Dynamic mode, as
// nothing is published there (A4.4). With DynamicPrivate it has.
func (k shardRouter) Route(room string, on bool) {
	if k.bus.cfg.Subscription == Dynamic && len(room) == idLen {
		return
	}
	base := k.bus.form.count(k.peer.Namespace).name
	k.bus.subs.set(topic{shardChannel, base + room + "#"}, k.link, on)
}

// Private implements adapter.Router.
func (k shardRouter) Private() bool { return k.bus.cfg.Subscription == DynamicPrivate }

// own reports whether a room is that of a socket, as far as its name tells.
func own(room string) bool { return len(room) == idLen }
