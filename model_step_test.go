// SPDX-License-Identifier: MIT

package sio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing/synctest"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

// step does one thing that a client begins, or several that the server does.
func (w *world) step() {
	w.t.Helper()
	w.n++
	switch w.r.IntN(12) {
	case 0, 1, 2:
		w.connect()
	case 3:
		w.leave()
	case 4, 5:
		w.burst()
	case 6:
		w.askMany()
	default:
		for range 1 + w.r.IntN(4) {
			w.n++
			w.serve()
		}
	}
	w.settle()
}

// connect has a client join a namespace, or opens a new connection for it.
func (w *world) connect() {
	w.t.Helper()
	p := pick(w, w.peers)
	nsp := pick(w, append([]string{"/nope"}, modelNames...))
	switch {
	case slices.ContainsFunc(p.members, func(m *member) bool { return m.nsp == nsp }):
		return
	case nsp == "/nope":
		w.did("refused: no such namespace")
		p.send(head("0", nsp))
		p.want = [][]string{{head("4", nsp) + `{"message":"Invalid namespace"}`}}
		return
	case w.r.IntN(6) == 0:
		w.did("refused by a middleware: %s", nsp)
		p.send(head("0", nsp) + `{"no":1}`)
		p.want = [][]string{{head("4", nsp) + `{"message":"no"}`}}
		return
	}
	w.did("client joins %s", nsp)
	p.send(head("0", nsp))
	synctest.Wait()
	m := &member{peer: p, nsp: nsp, rooms: map[string]bool{p.sid: true}}
	if ns := w.namespace(nsp); ns == nil || ns.Socket(p.sid) == nil {
		w.t.Fatalf("no socket %q in %s", p.sid, nsp)
	}
	m.s = w.namespace(nsp).Socket(p.sid)
	p.members = append(p.members, m)
	p.want = [][]string{{head("0", nsp)}}
	w.hooks = append(w.hooks, "connect")
}

// leave has a client leave one namespace, or all with its connection.
func (w *world) leave() {
	w.t.Helper()
	i := w.r.IntN(len(w.peers))
	p := w.peers[i]
	if len(p.members) > 0 && w.r.IntN(2) == 0 {
		m := pick(w, p.members)
		w.did("client leaves %s", m.nsp)
		p.send(head("1", m.nsp))
		w.gone(sio.ReasonClientDisconnect, m)
		return
	}
	w.did("client closes its connection")
	p.close()
	w.gone(sio.ReasonTransportClose, slices.Clone(p.members)...)
	synctest.Wait()
	w.peers[i] = w.open()
}

// burst has a client send several events at once, which are handled in order.
func (w *world) burst() {
	all := w.everybody()
	if len(all) == 0 {
		return
	}
	m := pick(w, all)
	event := func(id string, args ...any) {
		text, err := json.Marshal(args)
		assert.NoError(w.t, err)
		w.did("client of %s: %s%s", m.nsp, id, text)
		m.peer.queueRaw("4" + head("2", m.nsp) + id + string(text))
	}
	for range 1 + w.r.IntN(6) {
		w.n++
		room := fmt.Sprintf("r%d", w.r.IntN(4))
		switch w.r.IntN(5) {
		case 0:
			event("", "join", room)
			m.rooms[room] = true
		case 1:
			event("", "leave", room)
			delete(m.rooms, room)
		case 2, 3:
			rooms, except := w.someRooms(2), w.someRooms(1)
			event("", "shout", rooms, except, w.n)
			w.expect(w.chosen(m.nsp, m, rooms, except), "2", fmt.Sprintf(`["e",%d]`, w.n))
		case 4:
			event(fmt.Sprint(w.n), "ask", w.n)
			w.expect([]*member{m}, "3", fmt.Sprintf("%d[%d]", w.n, w.n))
		}
	}
	if w.r.IntN(6) == 0 {
		event("", "bye")
		event("", "shout", []string{}, []string{}, w.n) // not handled any more
		w.expect([]*member{m}, "1", "")
		w.gone(sio.ReasonServerDisconnect, m)
	}
	m.peer.flush()
}

// askMany asks some sockets. Some answer, some leave, and some do neither.
func (w *world) askMany() {
	w.t.Helper()
	to, list, nsp := w.target(false)
	w.did("ask %d", w.n)
	id := w.asked[nsp]
	w.asked[nsp]++
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	var answers []sio.Answer
	done := make(chan error, 1)
	go func() {
		var err error
		answers, err = to.EmitWithAck(ctx, "q", w.n)
		done <- err
	}()
	w.expect(list, "2", fmt.Sprintf(`%d["q",%d]`, id, w.n))
	w.settle()
	w.r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	var want []string
	silent := false
	for i, m := range list {
		switch w.r.IntN(5) {
		case 0:
			silent = true
		case 1:
			m.peer.send(head("1", m.nsp))
			w.gone(sio.ReasonClientDisconnect, m)
			want = append(want, m.s.ID()+" "+string(sio.ReasonClientDisconnect))
		default:
			answer := fmt.Sprintf("%s%d[%d]", head("3", m.nsp), id, i)
			m.peer.send(answer, answer, fmt.Sprintf("%s%d[]", head("3", m.nsp), id+1))
			want = append(want, fmt.Sprintf("%s %d", m.s.ID(), i))
		}
		synctest.Wait()
	}
	if silent {
		cancel()
	}
	synctest.Wait()
	select {
	case err := <-done:
		w.answered(want, answers, silent, err)
	default:
		w.t.Fatalf("the answers %q did not come", want)
	}
}

// answered compares the answers.
func (w *world) answered(want []string, answers []sio.Answer, silent bool, err error) {
	w.t.Helper()
	if silent != errors.Is(err, context.Canceled) || !silent && err != nil {
		w.t.Fatalf("silent %t, and the error is %v", silent, err)
	}
	got := make([]string, 0, len(answers))
	for _, a := range answers {
		text := ""
		if gone, ok := errors.AsType[*sio.DisconnectError](a.Err); ok {
			text = string(gone.Reason)
		} else if raw, ok := a.Args.Raw(0); ok {
			text = string(raw)
		}
		got = append(got, a.ID+" "+text)
	}
	if !slices.Equal(got, want) {
		w.t.Fatalf("answers\n%q, want\n%q\nafter %q", got, want, w.log[max(0, len(w.log)-9):])
	}
}

// serve does one thing on the server, which takes effect at once.
func (w *world) serve() {
	w.t.Helper()
	all := w.everybody()
	if len(all) > 0 && w.r.IntN(3) == 0 {
		w.serveOne(pick(w, all))
		return
	}
	to, list, _ := w.target(true)
	rooms := w.someRooms(2)
	switch w.r.IntN(8) {
	case 0:
		w.did("SocketsJoin(%q)", rooms)
		to.SocketsJoin(rooms...)
		for _, m := range list {
			m.join(rooms)
		}
	case 1:
		w.did("SocketsLeave(%q)", rooms)
		to.SocketsLeave(rooms...)
		for _, m := range list {
			m.part(rooms)
		}
	case 2:
		if w.r.IntN(4) == 0 {
			w.disconnectMany(to, list)
		}
	case 3:
		var want, got []string
		for _, m := range list {
			want = append(want, m.s.ID())
		}
		for _, s := range to.Sockets() {
			got = append(got, s.ID())
		}
		slices.Sort(want)
		slices.Sort(got)
		assert.Equal(w.t, got, want)
	default:
		w.did("Emit(%d)", w.n)
		assert.NoError(w.t, to.Emit("e", w.n))
		w.expect(list, "2", fmt.Sprintf(`["e",%d]`, w.n))
	}
}

func (m *member) join(rooms []string) {
	for _, room := range rooms {
		m.rooms[room] = true
	}
}

func (m *member) part(rooms []string) {
	for _, room := range rooms {
		delete(m.rooms, room)
	}
}

func (w *world) serveOne(m *member) {
	rooms := append(w.someRooms(1), "r0")
	switch w.r.IntN(5) {
	case 0:
		w.did("Join(%q)", rooms)
		assert.NoError(w.t, m.s.Join(rooms...))
		m.join(rooms)
	case 1:
		w.did("Leave(%q)", rooms)
		m.s.Leave(rooms...)
		m.part(rooms)
	case 2:
		if w.r.IntN(4) > 0 {
			return
		}
		w.did("Disconnect in %s", m.nsp)
		m.s.Disconnect(false)
		w.expect([]*member{m}, "1", "")
		w.gone(sio.ReasonServerDisconnect, m)
		assert.ErrorIs(w.t, m.s.Emit("late"), sio.ErrClosed)
	default:
		w.did("Emit(%d) to one in %s", w.n, m.nsp)
		assert.NoError(w.t, m.s.Emit("e", w.n))
		w.expect([]*member{m}, "2", fmt.Sprintf(`["e",%d]`, w.n))
	}
}

// disconnectMany disconnects the sockets of a Target, or closes their connections.
func (w *world) disconnectMany(to sio.Target, list []*member) {
	if w.r.IntN(2) == 0 {
		w.did("DisconnectSockets(false)")
		to.DisconnectSockets(false)
		w.expect(list, "1", "")
		w.gone(sio.ReasonServerDisconnect, list...)
		return
	}
	w.did("DisconnectSockets(true)")
	to.DisconnectSockets(true)
	var closed []*peer
	for _, m := range list {
		if !slices.Contains(closed, m.peer) {
			closed = append(closed, m.peer)
		}
	}
	for _, p := range closed {
		w.expect(p.members, "1", "")
		p.want = append(p.want, []string{"closed"})
		w.gone(sio.ReasonServerDisconnect, slices.Clone(p.members)...)
	}
	w.settle()
	for i, p := range w.peers {
		if slices.Contains(closed, p) {
			w.peers[i] = w.open()
		}
	}
}
