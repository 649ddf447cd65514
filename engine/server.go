// SPDX-License-Identifier: MIT

package engine

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/sio-go/sio/engine/wire"
	"github.com/sio-go/sio/internal/alarm"
	"github.com/sio-go/sio/internal/websocket"
)

// Server accepts Engine.IO sessions. It is an http.Handler and may be mounted at any
// path. All methods are safe for concurrent use. It must be made with NewServer.
type Server struct {
	cfg     Config
	deflate *websocket.Deflate // nil: none
	first   link               // the middlewares, and behind them the server itself
	flusher flusher
	poller  poller
	beats   *alarm.Clock[*Session] // calls beat
	holds   *alarm.Clock[*Session] // calls holdExpired
	limiter *limiter               // nil without Config.Flood
	// goroutines are the readers of connections, and those that are polled.
	goroutines sync.WaitGroup

	// mu guards the fields below.
	mu       sync.Mutex
	tail     *link // where the next middleware comes
	sessions map[string]*Session
	sockets  map[*duplex]struct{} // every connection with a reader, of closed sessions too
	closed   bool                 // no new sessions
	empty    chan struct{}        // closed when the last session ends after Shutdown
}

// NewServer returns a server with the given settings; nil means the defaults. It
// panics if Config.OnSession is missing.
func NewServer(cfg *Config) *Server {
	srv := &Server{
		cfg:      cfg.withDefaults(),
		beats:    alarm.NewClock((*Session).beat),
		holds:    alarm.NewClock((*Session).holdExpired),
		sessions: make(map[string]*Session),
		sockets:  make(map[*duplex]struct{}),
	}
	if srv.cfg.OnSession == nil {
		panic("engine: Config.OnSession is required") //nolint:forbidigo // a programmer's error
	}
	srv.deflate = srv.cfg.PerMessageDeflate.settings()
	srv.limiter = newLimiter(srv.cfg.Flood)
	srv.first.srv = srv
	srv.tail = &srv.first
	check := sameHost
	if srv.cfg.CORS != nil {
		c := srv.cfg.CORS.handler()
		srv.Use(handleCORS(c))
		check = func(r *http.Request) bool { return sameHost(r) || c.OriginAllowed(r) }
	}
	if srv.cfg.CheckOrigin == nil {
		srv.cfg.CheckOrigin = check
	}
	return srv
}

// Count returns the number of open sessions.
func (srv *Server) Count() int {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return len(srv.sessions)
}

// Session returns the open session with the given id, or nil.
func (srv *Server) Session(sid string) *Session {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.sessions[sid]
}

// newSession makes a session that uses the transport that attach returns. The order
// matters: the receiver and the heartbeat are there before the open packet is queued,
// and nothing is written or read before all of it is done. JS differs: E1.19, the official
// server tells of the session after the response.
func (srv *Server) newSession(r *http.Request, h handshake, attach func(*Session) transport) (*Session, *RequestError) {
	s := &Session{id: h.id, server: srv, revision: h.revision, base64: h.base64, request: remember(r)}
	s.use(attach(s))
	// The receiver may use the session at once: what it sends stays in the outbox, behind
	// the open packet, until the transport is started.
	s.outbox.holds, s.outbox.limit = 1, holdTimeout
	s.outbox.push(srv.openPacket(s))
	if srv.cfg.InitialPacket != nil {
		s.outbox.push(srv.cfg.InitialPacket) // E1.17
	}
	s.inReceive = true // should the session end now, Closed waits for the receiver

	srv.mu.Lock()
	switch _, taken := srv.sessions[s.id]; {
	case srv.closed:
		srv.mu.Unlock()
		return nil, unavailable(nameClosed)
	case len(srv.sessions) >= srv.cfg.MaxSessions:
		srv.mu.Unlock()
		return nil, unavailable(nameLimit)
	case taken:
		// JS differs: E1.14, the official server replaces the first session in its map.
		srv.mu.Unlock()
		e := badRequest(nameGenerateID)
		e.Context["error"], e.Err = errIDTaken, errIDTaken
		return nil, e
	case srv.limiter != nil && !srv.limiter.begin(s, h.addr):
		srv.mu.Unlock()
		return nil, tooMany()
	}
	srv.sessions[s.id] = nil // reserved: not found until all is wired
	srv.mu.Unlock()

	s.startHeartbeat()
	if !s.askReceiver() {
		return nil, refuse(CodeForbidden, "message", "no receiver")
	}
	if !srv.add(s) {
		s.abort(ReasonForcedClose, nil)
		return nil, unavailable(nameClosed)
	}
	if srv.debugs() {
		srv.cfg.Logger.Debug("session opened", "sid", s.shortID(), "transport", s.Transport(), "remote", r.RemoteAddr)
	}
	return s, nil
}

// debugs reports whether the log takes what is said of single sessions: its arguments
// would be memory for nothing.
func (srv *Server) debugs() bool {
	return srv.cfg.Logger.Enabled(context.Background(), slog.LevelDebug)
}

// askReceiver calls OnSession. It reports false if that gave no receiver, which, like a
// panic, ends the session.
func (s *Session) askReceiver() bool {
	var receiver Receiver
	defer func() {
		s.mu.Lock()
		s.inReceive = false
		if s.receiver = receiver; receiver == nil {
			s.receiver = nobody{}
			s.endLocked(ReasonForcedClose, nil, true, websocket.CloseNone)
		}
		s.unlockAndTell()
	}()
	receiver = s.server.cfg.OnSession(s)
	return receiver != nil
}

// nobody is the receiver of a session that nobody wanted.
type nobody struct{}

func (nobody) Receive([]byte, bool) {}
func (nobody) ReceiveEnd()          {}
func (nobody) Closed(Reason, error) {}

// openPacket returns the first packet of a session (E1.15).
func (srv *Server) openPacket(s *Session) *Message {
	upgrades := []string{}
	if s.Transport() == Polling && !srv.cfg.DisableUpgrades {
		for _, t := range []string{WebSocket, WebTransport} { // E1.16
			if slices.Contains(srv.cfg.Transports, t) {
				upgrades = append(upgrades, t)
			}
		}
	}
	return newPacket(wire.Open, wire.AppendHandshake(NewBuffer(128), wire.Handshake{
		SID:          s.id,
		Upgrades:     upgrades,
		PingInterval: int(srv.cfg.PingInterval.Milliseconds()),
		PingTimeout:  int(srv.cfg.PingTimeout.Milliseconds()),
		MaxPayload:   srv.cfg.MaxPayloadBytes,
	}))
}

// allows reports whether clients may use a transport. WebTransport does not come as an
// HTTP request of this kind (E1.7).
func (srv *Server) allows(transport string) bool {
	return (transport == Polling || transport == WebSocket) && slices.Contains(srv.cfg.Transports, transport)
}

// add makes a session whose id was reserved known. It reports false if the server was
// closed meanwhile, or the session by its receiver.
func (srv *Server) add(s *Session) bool {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if _, reserved := srv.sessions[s.id]; srv.closed || !reserved {
		return false
	}
	srv.sessions[s.id] = s
	return true
}

// remove forgets a session that has ended.
func (srv *Server) remove(s *Session) {
	if s.meter != nil {
		srv.limiter.addrs.end(s.meter.addr)
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	delete(srv.sessions, s.id)
	if len(srv.sessions) == 0 {
		srv.endShutdownLocked()
	}
}

// endShutdownLocked lets Shutdown go on.
func (srv *Server) endShutdownLocked() {
	if srv.empty != nil {
		close(srv.empty)
		srv.empty = nil
	}
}

// start begins to read a connection, unless the server was closed.
func (srv *Server) start(d *duplex, early []byte) bool {
	srv.mu.Lock()
	if srv.closed && srv.empty == nil {
		srv.mu.Unlock()
		return false
	}
	srv.goroutines.Add(1)
	p := d.stream.polled
	if p == nil {
		srv.sockets[d] = struct{}{}
	}
	srv.mu.Unlock()
	switch {
	case p == nil:
		go d.run(early)
	case len(early) > 0 && !d.read(early):
		p.end(nil)
		fallthrough
	default:
		p.start()
	}
	return true
}

// ended forgets a connection that was started.
func (srv *Server) ended(d *duplex) {
	if d.stream.polled == nil {
		srv.mu.Lock()
		delete(srv.sockets, d)
		srv.mu.Unlock()
	}
	srv.goroutines.Done()
}
