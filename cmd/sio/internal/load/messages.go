// SPDX-License-Identifier: MIT

package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/ws"
)

// link is one connection. Only the loop uses it.
type link struct {
	scanner scanner
	out     []byte // what is not written yet
	dirty   bool   // in runner.dirty
	closed  bool
	started []time.Time // when what is not answered was begun, in order
	group   *group      // of Broadcast and Rooms
	got     int         // deliveries
	joined  bool        // its room
	socket  socket
}

// group is who gets the same events: all of Broadcast, or a room. Its first member sends.
type group struct {
	sender  *link
	frame   []byte
	members int
	sent    int
	rounds  []round // those that are under way, by their number modulo their count
}

// round is one event on its way to all members of a group.
type round struct {
	begun time.Time
	left  int
}

// loop carries bytes to and from links. It calls message for each message, and tick
// before it waits, all of them one at a time.
type loop interface {
	add(l *link, conn *net.TCPConn, early []byte) error
	// run runs until tick reports false. It waits no longer than tick says.
	run(r *runner) error
	// close closes all connections.
	close()
}

// runner runs a scenario that sends messages.
type runner struct {
	ctx   context.Context //nolint:containedctx // of one run
	cfg   *Config
	meter *meter
	loop  loop
	links []*link // those that take part
	dirty []*link // those that have something to write
	frame []byte  // of an operation
	cast  []byte  // of a broadcast besides
	want  []byte  // how the answer begins
	pong  []byte
	now   time.Time

	joins    int // answers to join that are awaited
	begun    bool
	start    time.Time // of the warm-up
	due      time.Time // of the next operation of Rate
	next     int       // whose turn it is
	casts    int       // that were sent besides
	answered time.Time // when the last operation was done
	err      error
}

// patience is how long the server may be silent.
const patience = 5 * time.Second

func runMessages(ctx context.Context, cfg *Config, d *dialer, server processes) (*Result, error) {
	return runOn(ctx, cfg, d, server, newLoop())
}

func runOn(ctx context.Context, cfg *Config, d *dialer, server processes, on loop) (*Result, error) {
	r := &runner{ctx: ctx, cfg: cfg, meter: newMeter(cfg, server), loop: on, pong: textFrame("3")}
	defer r.loop.close()
	r.prepare()
	var failed error
	each := func(part bool) func(*net.TCPConn, []byte) {
		return func(conn *net.TCPConn, early []byte) {
			l := new(link)
			if part {
				r.links = append(r.links, l)
			}
			failed = errors.Join(failed, r.loop.add(l, conn, early))
		}
	}
	if err := openMembers(ctx, cfg, d, each(true)); err != nil {
		return nil, err
	}
	if err := d.openAll(ctx, cfg.Idle, each(false)); err != nil {
		return nil, err
	}
	var stalled []*net.TCPConn
	defer func() {
		for _, conn := range stalled {
			_ = conn.Close()
		}
	}()
	lazy := *d
	lazy.control = smallBuffers
	if err := lazy.openAll(ctx, cfg.Stalled, func(conn *net.TCPConn, _ []byte) {
		stalled = append(stalled, conn)
	}); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	if err := r.loop.run(r); err != nil {
		return nil, err
	}
	return r.meter.result(), r.err
}

// openMembers opens the connections that take part. With Receivers the first one, which sends, is
// at another server than the rest.
func openMembers(ctx context.Context, cfg *Config, d *dialer, opened func(*net.TCPConn, []byte)) error {
	if cfg.Receivers == "" {
		return d.openAll(ctx, cfg.Connections, opened)
	}
	if err := d.openAll(ctx, 1, opened); err != nil {
		return err
	}
	there := *cfg
	there.URL = cfg.Receivers
	other, err := newDialer(&there)
	if err != nil {
		return err
	}
	return other.openAll(ctx, cfg.Connections-1, opened)
}

// castSize is the size of the data of a broadcast that Config.Casts asks for.
const castSize = 4 << 10

// event is the text of an event with data of the size that is wanted.
func (r *runner) event(prefix string) string {
	return "42" + r.prefix() + prefix + strings.Repeat("x", r.cfg.Payload) + `"]`
}

// prefix is that of packets of the namespace.
func (r *runner) prefix() string {
	if r.cfg.Namespace == "/" {
		return ""
	}
	return r.cfg.Namespace + ","
}

func (r *runner) prepare() {
	switch r.cfg.Scenario {
	case Echo:
		r.frame = textFrame(r.event(`["echo","`))
		r.want = []byte("42" + r.prefix() + `["echo",`)
	case Ack, Rate:
		r.cast = textFrame("42" + r.prefix() + `["broadcast","` + strings.Repeat("x", castSize) + `"]`)
		// Acknowledgement ids may repeat: the answers come in order.
		r.frame = textFrame(r.event(`7["ack","`))
		r.want = []byte("43" + r.prefix() + "7[")
	case Binary:
		r.frame = textFrame("451-" + r.prefix() + `["bin",{"_placeholder":true,"num":0}]`)
		r.frame = appendFrame(r.frame, ws.OpBinary, bytes.Repeat([]byte{0xa5}, r.cfg.Payload))
	case Broadcast:
		r.want = []byte("42" + r.prefix() + `["broadcast",`)
	case Rooms:
		r.want = []byte("42" + r.prefix() + `["room",`)
	}
}

// begin begins the scenario when all are connected.
func (r *runner) begin() {
	switch r.cfg.Scenario {
	case Broadcast:
		r.makeGroup(r.links, r.event(`["broadcast","`))
	case Rooms:
		for i := 0; i < len(r.links); i += r.cfg.RoomSize {
			room := "bench-" + strconv.Itoa(i)
			members := r.links[i:min(i+r.cfg.RoomSize, len(r.links))]
			r.makeGroup(members, "42"+r.prefix()+`["room","`+room+`","`+strings.Repeat("x", r.cfg.Payload)+`"]`)
			for _, l := range members {
				r.send(l, textFrame("42"+r.prefix()+`0["join","`+room+`"]`))
				r.joins++
			}
		}
	}
	if r.joins == 0 {
		r.fire()
	}
}

func (r *runner) makeGroup(members []*link, text string) {
	g := &group{sender: members[0], frame: textFrame(text), members: len(members), rounds: make([]round, r.cfg.InFlight)}
	for _, l := range members {
		l.group = g
	}
}

// fire sends the first operations.
func (r *runner) fire() {
	r.start, r.due, r.answered = r.now, r.now, r.now
	if r.cfg.Scenario == Rate {
		return // tick does
	}
	for _, l := range r.links {
		for range r.cfg.InFlight {
			switch {
			case l.group == nil:
				r.operate(l, r.now)
			case l.group.sender == l:
				r.sendRound(l.group)
			}
		}
	}
}

// operate begins an operation of a link that was due at a time.
func (r *runner) operate(l *link, due time.Time) {
	l.started = append(l.started, due)
	r.send(l, r.frame)
}

func (r *runner) sendRound(g *group) {
	g.rounds[g.sent%len(g.rounds)] = round{r.now, g.members}
	g.sent++
	r.send(g.sender, g.frame)
}

// send queues a frame.
func (r *runner) send(l *link, frame []byte) {
	l.out = append(l.out, frame...)
	if !l.dirty {
		l.dirty = true
		r.dirty = append(r.dirty, l)
	}
}

// tick is called before the loop waits.
func (r *runner) tick() (wait time.Duration, more bool) {
	r.now = time.Now()
	if !r.begun {
		r.begun = true
		r.answered = r.now
		r.begin()
	}
	switch {
	case r.err != nil, r.ctx.Err() != nil:
		return 0, false
	case r.now.Sub(r.answered) > patience:
		r.err = fmt.Errorf("no answer for %v: does the server handle the events of the scenario %q?\n\n%s", patience, r.cfg.Scenario, Contract)
		return 0, false
	case r.start.IsZero(): // rooms are being joined
		return 100 * time.Millisecond, true
	}
	m := r.meter
	if m.begun.IsZero() && r.now.Sub(r.start) >= r.cfg.Warmup {
		m.begin()
		r.cfg.Progress(r.cfg.Scenario + ": measuring")
	}
	if !m.begun.IsZero() && r.now.Sub(m.begun) >= r.cfg.Duration {
		return 0, false
	}
	if r.cfg.Scenario != Rate {
		return 20 * time.Millisecond, true
	}
	for !r.due.After(r.now) {
		r.operate(r.links[r.next%len(r.links)], r.due)
		r.next++
		r.due = r.after(r.next, r.cfg.Rate)
	}
	for r.cfg.Casts > 0 && !r.after(r.casts, r.cfg.Casts).After(r.now) {
		r.send(r.links[0], r.cast)
		r.casts++
	}
	return r.due.Sub(r.now), true
}

// after is when number n is due of what is done rate times a second.
func (r *runner) after(n, rate int) time.Time {
	return r.start.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
}

// message takes a message of a link.
func (r *runner) message(l *link, m *message) {
	switch {
	case m.op == ws.OpClose:
		r.lost(l, errors.New("the server closed a connection"))
	case m.op == ws.OpPing, m.op == ws.OpPong:
	case m.op == ws.OpText && !m.compressed && len(m.head) == 1 && m.head[0] == '2':
		r.send(l, r.pong)
	case m.op == ws.OpText && !m.compressed && bytes.HasPrefix(m.head, []byte("41")):
		r.lost(l, errors.New("the server disconnected a socket"))
	case r.joins > 0:
		r.joinAnswered(l, m)
	case r.answers(m):
		r.answer(l)
	}
}

// joinAnswered counts answers to join.
func (r *runner) joinAnswered(l *link, m *message) {
	if l.joined || !m.compressed && !bytes.HasPrefix(m.head, []byte("43")) {
		return
	}
	l.joined = true
	if r.joins--; r.joins == 0 {
		r.now = time.Now()
		r.fire()
	}
}

// answers reports whether a message is what the scenario waits for. What is compressed can
// be nothing else.
func (r *runner) answers(m *message) bool {
	if r.cfg.Scenario == Binary {
		return m.op == ws.OpBinary
	}
	return m.compressed || bytes.HasPrefix(m.head, r.want)
}

// answer takes what the scenario waits for.
func (r *runner) answer(l *link) {
	r.answered = r.now
	if g := l.group; g != nil {
		b := &g.rounds[l.got%len(g.rounds)]
		l.got++
		r.meter.done(r.now.Sub(b.begun))
		if b.left--; b.left == 0 {
			r.sendRound(g)
		}
		return
	}
	if len(l.started) == 0 {
		r.meter.failed(errors.New("an answer that nobody has asked for"))
		return
	}
	r.meter.done(r.now.Sub(l.started[0]))
	l.started = l.started[:copy(l.started, l.started[1:])]
	if r.cfg.Scenario != Rate {
		r.operate(l, r.now)
	}
}

// lost takes the end of a connection.
func (r *runner) lost(l *link, err error) {
	if !l.closed {
		l.closed = true
		r.meter.failed(err)
		r.err = fmt.Errorf("%w while it was under load", err)
	}
}
