// SPDX-License-Identifier: MIT

package sio

import (
	"errors"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/packet"
)

// local is the side of a cluster that its Node sees.
type local cluster

// target is the choice of others, of the sockets here.
func (l *local) target(o adapter.Options) Target {
	return Target{ns: l.ns, rooms: o.Rooms, except: o.Except, plain: o.Plain, opt: engine.SendOptions{Volatile: o.Volatile}, local: true}
}

// Apply implements adapter.Local.
//
// JS differs: A2.5, outgoing listeners get the arguments as one Args.
func (l *local) Apply(m *adapter.Message) {
	if st := l.ns.stream(); st != nil {
		st.line.arrive(func() { l.apply(m, st) }) // not behind broadcasts of this server: they have nothing to do with it
	} else {
		l.apply(m, nil)
	}
}

func (l *local) apply(m *adapter.Message, st *stream) {
	t := l.target(m.Options)
	switch m.Type {
	case adapter.Broadcast:
		if st != nil {
			offset := m.Offset
			if m.Options.Volatile {
				offset = "" // S8.2
			}
			st.deliver(m, offset, nil)
			return
		}
		event, args := split(m.Args)
		if err := t.Emit(event, args); err != nil {
			l.ns.server.bus.Ignore(m, err)
		}
	case adapter.SocketsJoin:
		for _, s := range t.Sockets() {
			_ = s.Join(m.Rooms...)
		}
	case adapter.SocketsLeave:
		for _, s := range t.Sockets() {
			s.Leave(m.Rooms...)
		}
	case adapter.DisconnectSockets:
		for _, s := range t.Sockets() {
			s.kick(m.Close)
		}
	default:
	}
}

// split returns the event and the arguments behind it, of which there is one at least.
func split(args packet.Args) (event string, rest packet.Args) {
	if args.Unmarshal(0, &event) != nil {
		raw, _ := args.Raw(0) // a number (P2.23)
		event = string(raw)
	}
	return event, args.Slice(1, args.Len())
}

// Ask implements adapter.Local.
func (l *local) Ask(m *adapter.Message, count func(n int), answer func(socket string, args packet.Args, gone bool)) {
	if st := l.ns.stream(); st != nil {
		st.line.arrive(func() { l.ask(m, count, answer) })
	} else {
		l.ask(m, count, answer)
	}
}

func (l *local) ask(m *adapter.Message, count func(n int), answer func(socket string, args packet.Args, gone bool)) {
	event, args := split(m.Args)
	id := l.ns.acks.Add(1) - 1
	message, err := l.ns.encode(packet.Packet{Type: packet.Event, Event: event, Args: []any{args}, ID: id, HasID: true})
	if err != nil {
		l.ns.server.bus.Ignore(m, err)
		count(0)
		return
	}
	t := l.target(m.Options)
	if t.plain {
		message.WithoutCompression()
	}
	p := &proxy{cluster: (*cluster)(l), id: id, tell: answer}
	for _, s := range t.send(message, p.add) {
		s.sent(event, []any{args})
	}
	count(p.begin(m.Options.Timeout))
}

// maxServed limits cluster.served.
const maxServed = 1024

// Serve implements adapter.Local.
func (l *local) Serve(args packet.Args, reply func(packet.Args)) {
	event, args := split(args)
	if event == forwardEvent {
		l.ns.server.told(args)
		return
	}
	args = l.ns.server.adopt(args)
	list := l.ns.serverSideHandlers(event)
	if len(list) == 0 {
		return
	}
	if l.served.Len() >= maxServed {
		l.ns.server.bus.Ignore(&adapter.Message{Type: adapter.ServerSideEmit, Namespace: l.ns.name}, errServed)
		return
	}
	l.served.Push(func() { (*cluster)(l).serve(list, args, reply) })
	l.served.Wake()
}

var errServed = errors.New("sio: too many events wait for handlers of OnServerSide")

// JS differs: A2.10, handlers run one after the other, and the events that wait have a limit.

// serve calls the handlers of an event of another server. The first that has an answer
// answers.
func (c *cluster) serve(list []ServerSideHandler, args packet.Args, reply func(packet.Args)) {
	for _, f := range list {
		var answer any
		err := guard(func() (err error) { answer, err = f(c.ctx, args); return err })
		if err == nil && reply != nil {
			var encoded packet.Args
			if err = guard(func() (err error) { encoded, err = c.ns.server.arguments([]any{answer}); return err }); err == nil {
				reply(encoded)
				reply = nil
			}
		}
		if err != nil {
			c.ns.server.hooks.failedServerSide(c.ns, err)
		}
	}
}
