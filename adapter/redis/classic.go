// SPDX-License-Identifier: MIT

package redis

import (
	"fmt"
	"strings"
	"sync"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// The types of requests and answers (A3.9 to A3.16).
const (
	requestSockets = iota
	requestRooms
	requestJoin
	requestLeave
	requestDisconnect
	requestFetch
	requestServer
	requestBroadcast
	answerCount
	answerAck
)

// classic is the format of Classic (A3).
type classic struct {
	cfg  *Config
	asks *asks
}

func newClassic(cfg *Config) classic { return classic{cfg, newAsks()} }

func (f classic) broadcasts(nsp string) string { return f.cfg.Prefix + "#" + nsp + "#" }
func (f classic) requests(nsp string) string   { return f.cfg.Prefix + "-request#" + nsp + "#" }
func (f classic) answers(nsp string) string    { return f.cfg.Prefix + "-response#" + nsp + "#" }

// topics returns the channels (A3.3).
//
// JS differs: A3.4, what means something in a pattern is quoted.
func (f classic) topics(nsp, uid string) []topic {
	return []topic{
		{pattern, glob.Replace(f.broadcasts(nsp)) + "*"},
		{channel, f.requests(nsp)},
		{channel, f.answers(nsp)},
		{channel, f.answers(nsp) + uid + "#"},
	}
}

func (f classic) count(nsp string) topic { return topic{channel, f.requests(nsp)} }

// encode implements format. All messages have the same key, so that in Redis Cluster they are
// published at one node, which keeps their order.
func (f classic) encode(m *adapter.Message, to string) ([]string, string, error) {
	name, packed := f.requests(m.Namespace), m.Binary()
	switch {
	case m.Type == adapter.InitialHeartbeat, m.Type == adapter.Heartbeat, m.Type == adapter.Close:
		return nil, "", nil // subscribers are counted
	case m.Type == adapter.Broadcast && m.Request == "": // A3.5, A3.6
		name, packed = f.broadcasts(m.Namespace), true
		if len(m.Options.Rooms) == 1 {
			name += m.Options.Rooms[0] + "#"
		}
	case m.Type == adapter.Broadcast, m.Type == adapter.BroadcastAck:
		packed = true
	}
	if m.Type.Response() {
		name = f.answers(m.Namespace)
		if f.cfg.Private && to != "" && to != adapter.EmitterUID && m.Type != adapter.ServerSideEmitResponse { // A3.17
			name += to + "#"
		}
		packed = packed && !strings.HasPrefix(m.Request, "\x00")
	} else if m.Request != "" {
		f.asks.add(m.Request, m.Type)
	}
	w := envelope.NewWriter(nil, packed)
	if legacy, send := writeLegacy(w, m); legacy {
		if !send {
			return nil, "", nil
		}
	} else if err := write(w, m); err != nil {
		return nil, "", err
	}
	data, err := w.Bytes()
	if err != nil {
		return nil, "", err
	}
	return []string{"PUBLISH", name, string(data)}, f.cfg.Prefix, nil
}

// write writes a message. Of an emitter, requests have no uid but for events (A9.3).
func write(w *envelope.Writer, m *adapter.Message) error {
	emitter := m.UID == adapter.EmitterUID
	begin := func(n, kind int) {
		if !emitter {
			w.Object(n + 2)
			w.Key("uid")
			w.String(m.UID)
		} else {
			w.Object(n + 1)
		}
		if m.Request != "" {
			w.Key("requestId")
			w.String(m.Request)
		}
		w.Key("type")
		w.Int(int64(kind))
	}
	switch m.Type {
	case adapter.Broadcast:
		if m.Request == "" {
			writeBroadcast(w, m)
			return nil
		}
		n := 3
		if m.Extended {
			n++
		}
		begin(n, requestBroadcast)
		w.Key("packet")
		w.Packet(m.Args, m.Namespace)
		w.Key("opts")
		w.Options(m.Options)
		if m.Extended {
			w.Key("extended")
			w.Bool(true)
		}
	case adapter.SocketsJoin, adapter.SocketsLeave:
		kind := requestJoin
		if m.Type == adapter.SocketsLeave {
			kind = requestLeave
		}
		begin(2, kind)
		writeChoice(w, m.Options)
		w.Key("rooms")
		w.Strings(m.Rooms)
	case adapter.DisconnectSockets:
		begin(2, requestDisconnect)
		writeChoice(w, m.Options)
		w.Key("close")
		w.Bool(m.Close)
	case adapter.FetchSockets:
		begin(2, requestFetch)
		writeChoice(w, m.Options)
	case adapter.ServerSideEmit:
		n := 3
		if m.Request != "" {
			n++
		}
		w.Object(n)
		w.Key("uid")
		w.String(m.UID)
		if m.Request != "" {
			w.Key("requestId")
			w.String(m.Request)
		}
		w.Key("type")
		w.Int(requestServer)
		w.Key("data")
		w.Args(m.Args)
	case adapter.FetchSocketsResponse, adapter.ServerSideEmitResponse, adapter.BroadcastClientCount, adapter.BroadcastAck:
		writeAnswer(w, m)
		return nil
	default:
		return fmt.Errorf("redis: %v cannot be sent", m.Type)
	}
	w.End()
	return nil
}

// writeChoice writes options without flags.
func writeChoice(w *envelope.Writer, o adapter.Options) {
	w.Key("opts")
	w.Object(2)
	w.Key("rooms")
	w.Strings(o.Rooms)
	w.Key("except")
	w.Strings(o.Except)
	w.End()
}

// writeBroadcast writes a broadcast without answers (A3.5, A9.2).
func writeBroadcast(w *envelope.Writer, m *adapter.Message) {
	w.Array(3)
	w.String(m.UID)
	w.Packet(m.Args, m.Namespace)
	if m.UID != adapter.EmitterUID {
		w.Options(m.Options)
	} else { // the order of its members is another
		w.Object(3)
		w.Key("rooms")
		w.Strings(m.Options.Rooms)
		w.Key("flags")
		w.Flags(m.Options)
		w.Key("except")
		w.Strings(m.Options.Except)
		w.End()
	}
	w.End()
}

// roomSet are the rooms of a namespace in which there are sockets here. It is a Router: what is
// for another room is ignored unread (A3.7).
type roomSet struct {
	mu sync.RWMutex
	on map[string]struct{}
}

// Route implements adapter.Router.
func (r *roomSet) Route(room string, on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if on {
		r.on[room] = struct{}{}
	} else {
		delete(r.on, room)
	}
}

// Private implements adapter.Router.
func (r *roomSet) Private() bool { return false }

// wants reports whether what is on a channel for a room, or for more, is to be read.
func (r *roomSet) wants(room string) bool {
	if room == "" || own(room) {
		return true
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, on := r.on[room]
	return on
}

// receive implements format.
func (f classic) receive(k *link, t topic, name string, data []byte) {
	nsp := k.peer.Namespace
	var list []*adapter.Message
	var err error
	switch {
	case t.kind == pattern:
		rest, ok := strings.CutPrefix(name, f.broadcasts(nsp))
		if !ok || !k.rooms.wants(strings.TrimSuffix(rest, "#")) {
			return
		}
		var m *adapter.Message
		if m, err = parseBroadcast(data, nsp, k.peer.UID); m != nil {
			list = []*adapter.Message{m}
		}
	case name == f.requests(nsp):
		list, err = parseRequest(data, nsp)
	default:
		list, err = parseAnswer(data, nsp, f.asks)
	}
	if err != nil {
		k.bad(name, err)
		return
	}
	for _, m := range list {
		k.receive(m)
	}
}
