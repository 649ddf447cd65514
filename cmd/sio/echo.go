// SPDX-License-Identifier: MIT

package main

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/sio-go/sio/internal/websocket"
)

const (
	echoLimit   = 16 << 20         // bytes of a message
	echoIdle    = time.Minute      // without a byte from the peer
	echoTimeout = 10 * time.Second // for the peer to take what is sent
)

// echo is a plain WebSocket that sends back every message, for whoever wants to try the
// layer below Socket.IO, or to test it. It must be closed: http.Server does not know its
// connections.
type echo struct {
	// mu guards the fields below.
	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// ServeHTTP serves one connection until it ends.
func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !websocket.IsUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is a WebSocket: it sends back what it gets", http.StatusUpgradeRequired)
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || !strings.EqualFold(u.Host, r.Host) {
			http.Error(w, "origin not allowed", http.StatusForbidden)
			return
		}
	}
	if err := websocket.Check(w.Header(), r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	compression := &websocket.Deflate{Level: 1, WindowBits: 15, ContextTakeover: true}
	up, err := websocket.Accept(w, r, w.Header(), compression, echoTimeout)
	if err != nil {
		return // it was answered
	}
	defer func() { _ = up.Conn.Close() }()
	if !e.add(up.Conn) {
		return
	}
	defer e.remove(up.Conn)
	s := &echoConn{conn: up.Conn}
	s.reader = websocket.Reader{Handler: s, MaxBytes: echoLimit, MaxFragments: 1 << 16, Deflate: up.Params}
	if up.Params != nil {
		s.deflater = websocket.NewDeflater(up.Params)
	}
	s.run(up.Early)
}

func (e *echo) add(conn net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	if e.conns == nil {
		e.conns = make(map[net.Conn]struct{})
	}
	e.conns[conn] = struct{}{}
	return true
}

func (e *echo) remove(conn net.Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.conns, conn)
}

// close ends all connections.
func (e *echo) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for conn := range e.conns {
		_ = conn.Close() // deadlines would be set anew
	}
}

// echoConn is one connection. It implements websocket.Handler.
type echoConn struct {
	conn     net.Conn
	reader   websocket.Reader
	deflater *websocket.Deflater // nil without compression
	closing  bool                // a close frame was sent
}

func (s *echoConn) run(early []byte) {
	buf := make([]byte, 32<<10)
	more := s.reader.Feed(early)
	for more {
		_ = s.conn.SetReadDeadline(time.Now().Add(echoIdle))
		n, err := s.conn.Read(buf)
		more = s.reader.Feed(buf[:n]) && err == nil
	}
	if !s.closing {
		return
	}
	// Closing a connection with unread input resets it, and the peer would not see why.
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(time.Second))
	for {
		if _, err := s.conn.Read(buf); err != nil {
			return
		}
	}
}

func (s *echoConn) write(frame []byte) bool {
	_ = s.conn.SetWriteDeadline(time.Now().Add(echoTimeout))
	_, err := s.conn.Write(frame)
	return err == nil
}

// Message implements websocket.Handler.
func (s *echoConn) Message(data []byte, binary bool) bool {
	op := ws.OpText
	if binary {
		op = ws.OpBinary
	}
	if s.deflater != nil {
		return s.write(s.deflater.AppendFrame(nil, op, data))
	}
	return s.write(append(websocket.AppendHeader(nil, op, len(data), false), data...))
}

// Control implements websocket.Handler.
func (s *echoConn) Control(op ws.OpCode, payload []byte) bool {
	switch op {
	case ws.OpPing:
		return s.write(append(websocket.AppendHeader(nil, ws.OpPong, len(payload), false), payload...))
	case ws.OpClose:
		s.closing = s.write(websocket.AppendClose(nil, websocket.CloseReply(payload)))
		return false
	default: // a pong that nobody asked for
		return true
	}
}

// Failed implements websocket.Handler.
func (s *echoConn) Failed(code websocket.Code, _ error) {
	s.closing = s.write(websocket.AppendClose(nil, code))
}
