// SPDX-License-Identifier: MIT

package redis

import (
	"strconv"
	"sync"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/envelope"
)

// asks are the latest requests of this server. The answers of Classic do not say whose they
// are, so that names are made up: each node answers a request once. Acknowledgements are taken for
// those of the node that was the first to have told that some are to come.
type asks struct {
	mu    sync.Mutex
	known map[string]*ask
	order []string // of known; a ring when it is full
	next  int
}

type ask struct {
	kind  adapter.Type
	nodes []int              // of each that has answered, how many acknowledgements are to come
	first int                // those before it have sent all
	early []*adapter.Message // acknowledgements that have come before a count that they may belong to
}

const (
	// maxAsks limits the requests that are remembered: answers to older ones are not found.
	maxAsks = 8192
	// maxNodes limits the answers to a request, and the acknowledgements that come too early.
	maxNodes = 4096
)

func newAsks() *asks { return &asks{known: make(map[string]*ask)} }

func (a *asks) add(id string, kind adapter.Type) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.order) < maxAsks {
		a.order = append(a.order, id)
	} else {
		delete(a.known, a.order[a.next])
		a.order[a.next] = id
		a.next = (a.next + 1) % maxAsks
	}
	a.known[id] = &ask{kind: kind}
}

// kind returns the type of a request of ours.
func (a *asks) kind(id string) (adapter.Type, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.known[id]; r != nil {
		return r.kind, true
	}
	return 0, false
}

// name gives an answer the name of a sender, and returns what can be handed on by that: others
// may have waited for it.
func (a *asks) name(m *adapter.Message) []*adapter.Message {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.known[m.Request]
	switch {
	case r == nil:
		return nil
	case m.Type == adapter.BroadcastAck:
		if len(r.early) >= maxNodes {
			return nil
		}
		r.early = append(r.early, m)
		return r.ready(nil)
	case len(r.nodes) >= maxNodes:
		return nil
	}
	m.UID = "?" + strconv.Itoa(len(r.nodes))
	r.nodes = append(r.nodes, m.Count)
	return r.ready([]*adapter.Message{m})
}

// ready adds the acknowledgements that belong to a count to list.
func (r *ask) ready(list []*adapter.Message) []*adapter.Message {
	for len(r.early) > 0 {
		for r.first < len(r.nodes) && r.nodes[r.first] <= 0 {
			r.first++
		}
		if r.first == len(r.nodes) {
			break
		}
		r.nodes[r.first]--
		r.early[0].UID = "?" + strconv.Itoa(r.first)
		list = append(list, r.early[0])
		if r.early = r.early[1:]; len(r.early) == 0 {
			r.early = nil
		}
	}
	return list
}

// writeAnswer writes an answer (A3.9 to A3.16).
func writeAnswer(w *envelope.Writer, m *adapter.Message) {
	id := m.Request
	begin := func(n int) {
		w.Object(n + 1)
		w.Key("requestId")
		w.String(id)
	}
	typed := func(n, kind int) {
		w.Object(n + 2)
		w.Key("type")
		w.Int(int64(kind))
		w.Key("requestId")
		w.String(id)
	}
	switch m.Type {
	case adapter.FetchSocketsResponse:
		begin(1)
		w.Key("sockets")
		w.Sockets(m.Sockets)
	case adapter.ServerSideEmitResponse:
		if m.Args.Len() == 0 { // as undefined in JSON
			typed(0, requestServer)
			break
		}
		typed(1, requestServer)
		w.Key("data")
		w.Arg(m.Args, 0)
	case adapter.BroadcastClientCount:
		typed(1, answerCount)
		w.Key("clientCount")
		w.Int(int64(m.Count))
	default:
		n := 0
		for _, on := range []bool{m.Args.Len() > 0, m.Socket != "", m.Gone} {
			if on {
				n++
			}
		}
		typed(n, answerAck)
		if m.Args.Len() > 0 {
			w.Key("packet")
			w.Arg(m.Args, 0)
		}
		if m.Socket != "" {
			w.Key("sid")
			w.String(m.Socket)
		}
		if m.Gone {
			w.Key("gone")
			w.Bool(true)
		}
	}
	w.End()
}
