// SPDX-License-Identifier: MIT

package dial

import (
	"bytes"
	"context"
	"net/http"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/websocket"
)

// polling carries a session over HTTP requests: a GET waits for the server's packets, the
// client's go in POSTs. At most one of each is under way. See "Engine.IO Protocol",
// "HTTP long-polling".
type polling struct {
	dialer  *Dialer
	session *Session

	// Guarded by session.mu.
	running bool // there is a goroutine that polls
	getting bool // and a GET under way
}

// openPolling opens a session with a GET.
func (d *Dialer) openPolling(ctx context.Context, newReceiver func(*Session) Receiver) (*Session, error) {
	body, err := d.do(ctx, http.MethodGet, "", nil)
	if err != nil {
		return nil, err
	}
	first, rest, more := bytes.Cut(body, []byte{wire.Separator})
	h, err := firstPacket(first)
	if err != nil {
		return nil, d.fail(engine.Polling, http.MethodGet, err)
	}
	t := &polling{dialer: d, running: true}
	s, err := d.newSession(h, t, func(s *Session) Receiver {
		t.session = s
		return newReceiver(s)
	})
	if err != nil {
		return nil, err
	}
	if !more {
		rest = nil
	}
	s.start(func() { t.run(rest) })
	s.startProbe()
	return s, nil
}

func (t *polling) name() string { return engine.Polling }
func (t *polling) most() int64  { return t.session.handshake.MaxPayload }

// write sends a POST.
func (t *polling) write(batch []item) error {
	var body []byte
	for _, i := range batch {
		if i.op == 0 {
			body = wire.AppendPayload(body, wire.Packet{Type: i.kind, Binary: i.binary, Data: i.data})
		}
	}
	_, err := t.dialer.do(t.session.ctx, http.MethodPost, t.session.ID(), bytes.NewReader(body))
	return err
}

// sayGoodbye sends a close packet (C4.23), and then ends the GET.
func (t *polling) sayGoodbye(websocket.Code) {
	_ = t.write([]item{{kind: wire.Close}}) // the session has ended anyway
	t.session.hangUp()
}

func (t *polling) hangUp() {}

// run polls. body is what has come with the handshake, or nil.
func (t *polling) run(body []byte) {
	s := t.session
	for {
		if body != nil && !t.receive(body) || !t.next() {
			return
		}
		var err error
		if body, err = t.dialer.do(s.ctx, http.MethodGet, s.ID(), nil); err != nil {
			s.lost(t, engine.ReasonTransportError, err)
			return
		}
	}
}

// next waits until there may be another GET. It reports false if polling is over, at
// least for now.
func (t *polling) next() bool {
	s := t.session
	s.mu.Lock()
	t.getting = false
	s.mu.Unlock()
	for {
		s.trySwitch()
		s.mu.Lock()
		resumed := s.resumed
		t.running = s.state != stateClosed && s.transport == transport(t) && !s.upgrade.switching
		t.getting = t.running && resumed == nil
		running := t.running
		s.mu.Unlock()
		if !running || resumed == nil {
			return running
		}
		<-resumed
	}
}

// maxPackets limits the packets of a payload: a receiver may need much more memory for
// a packet of two bytes than these.
const maxPackets = 1 << 17

// receive hands the packets of a payload to the session.
func (t *polling) receive(body []byte) bool {
	s := t.session
	if !s.beginReceive(t) {
		return false
	}
	defer s.endReceive()
	n := 0
	for p, err := range wire.ParsePayload(body) {
		if n++; n > maxPackets && err == nil {
			err = ErrTooLarge
		}
		if err != nil {
			s.malformed(err)
			return false
		}
		if p.Type == wire.Message && len(p.Data) < len(body)/4 {
			p.Data = bytes.Clone(p.Data) // else a small message would keep a large body
		}
		if !s.receive(p) {
			return false
		}
	}
	return true
}
