// SPDX-License-Identifier: MIT

package interop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for something that must come.
const patience = 5 * time.Second

// A peer speaks to one endpoint in bare bytes. It shares no code with the
// server, so that a mistake cannot hide by being made twice.
type peer struct {
	t    *testing.T
	base string // http://host:port/path/
	http *http.Client
}

func newPeer(t *testing.T, base string) *peer {
	t.Helper()
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &peer{t: t, base: base, http: &http.Client{Transport: tr, Timeout: patience}}
}

// A reply is a complete HTTP response.
type reply struct {
	status int
	body   string
	header http.Header
	err    error
}

// do sends one request; query is appended to the endpoint's URL.
func (p *peer) do(ctx context.Context, method, query, body string) reply {
	req, err := http.NewRequestWithContext(ctx, method, p.base+"?"+query, strings.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	res, err := p.http.Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	return reply{status: res.StatusCode, body: string(data), header: res.Header, err: err}
}

// want sends one request and expects status and body ("*": any body).
func (p *peer) want(method, query, body string, status int, text string) reply {
	p.t.Helper()
	r := p.do(p.t.Context(), method, query, body)
	if r.err != nil {
		p.t.Fatalf("%s ?%s: %v", method, query, r.err)
	}
	if r.status != status || (text != "*" && r.body != text) {
		p.t.Fatalf("%s ?%s %q: got %d %q, want %d %q", method, query, body, r.status, r.body, status, text)
	}
	return r
}

// open makes a polling session and returns the query of its requests.
func (p *peer) open() string {
	p.t.Helper()
	r := p.want(http.MethodGet, polling, "", http.StatusOK, "*")
	return polling + "&sid=" + handshake(p.t, r.body).SID
}

func (p *peer) get(query, text string) {
	p.t.Helper()
	p.want(http.MethodGet, query, "", http.StatusOK, text)
}

func (p *peer) post(query, body string) {
	p.t.Helper()
	p.want(http.MethodPost, query, body, http.StatusOK, "ok")
}

// gone expects the session to end: some GET soon is answered with 400.
func (p *peer) gone(query string) {
	p.t.Helper()
	var r reply
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if r = p.do(p.t.Context(), http.MethodGet, query, ""); r.err == nil && r.status == http.StatusBadRequest {
			return
		}
	}
	p.t.Fatalf("the session is still there: %d %q %v", r.status, r.body, r.err)
}

const (
	polling   = "EIO=4&transport=polling"
	websocket = "EIO=4&transport=websocket"
)

// open packet's JSON.
type hello struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

// handshake checks an open packet to the letter and returns it.
func handshake(t *testing.T, text string) hello {
	t.Helper()
	raw, ok := strings.CutPrefix(text, "0")
	if !ok {
		t.Fatalf("got %q, want an open packet", text)
	}
	var h hello
	d := json.NewDecoder(strings.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		t.Fatalf("open packet %q: %v", text, err)
	}
	if len(h.SID) != 20 || h.PingInterval == 0 || h.PingTimeout == 0 || h.MaxPayload == 0 || h.Upgrades == nil {
		t.Fatalf("open packet %q lacks something", text)
	}
	return h
}

// A socket is a WebSocket client made of nothing but a TCP connection.
type socket struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// The opcodes of RFC 6455 section 5.2.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
)

// request writes an upgrade request and returns the response's head.
func (p *peer) request(query string) (*socket, *http.Response) {
	p.t.Helper()
	u, err := url.Parse(p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	var d net.Dialer
	conn, err := d.DialContext(p.t.Context(), "tcp", u.Host)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	key := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))
	_, err = fmt.Fprintf(conn, "GET %s?%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", u.Path, query, u.Host, key)
	if err != nil {
		p.t.Fatal(err)
	}
	s := &socket{t: p.t, conn: conn, r: bufio.NewReader(conn)}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	res, err := http.ReadResponse(s.r, nil)
	if err != nil {
		p.t.Fatalf("upgrade ?%s: %v", query, err)
	}
	return s, res
}

// dial opens a WebSocket.
func (p *peer) dial(query string) *socket {
	p.t.Helper()
	s, res := p.request(query)
	if res.StatusCode != http.StatusSwitchingProtocols {
		p.t.Fatalf("upgrade ?%s: got %s", query, res.Status)
	}
	// The sample key's answer, worked out with another implementation.
	if got, want := res.Header.Get("Sec-WebSocket-Accept"), "BACScCJPNqyz+UBoqMH89VmURoA="; got != want {
		p.t.Fatalf("Sec-WebSocket-Accept: got %q, want %q", got, want)
	}
	return s
}

// session opens a WebSocket session and takes its open packet.
func (p *peer) session() *socket {
	p.t.Helper()
	s := p.dial(websocket)
	if h := handshake(p.t, s.text()); len(h.Upgrades) != 0 {
		p.t.Fatalf("upgrades of a WebSocket session: got %q", h.Upgrades)
	}
	return s
}

// write sends one masked frame.
func (s *socket) write(op byte, data []byte) {
	s.t.Helper()
	frame := []byte{0x80 | op}
	switch n := len(data); {
	case n < 126:
		frame = append(frame, 0x80|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, 0x80|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, 0x80|127), uint64(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	frame = append(frame, mask[:]...)
	for i, b := range data {
		frame = append(frame, b^mask[i%4])
	}
	if _, err := s.conn.Write(frame); err != nil {
		s.t.Fatalf("write: %v", err)
	}
}

func (s *socket) say(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		s.write(opText, []byte(text))
	}
}

// read returns the next frame, which must not be fragmented: the protocol's
// messages never are here.
func (s *socket) read() (op byte, data []byte, err error) {
	_ = s.conn.SetReadDeadline(time.Now().Add(patience))
	var head [2]byte
	if _, err = io.ReadFull(s.r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0xF0 != 0x80 || head[1]&0x80 != 0 {
		return 0, nil, fmt.Errorf("frame head % x: fragmented, compressed or masked", head)
	}
	n := uint64(head[1])
	switch n {
	case 126:
		var b [2]byte
		_, err = io.ReadFull(s.r, b[:])
		n = uint64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		_, err = io.ReadFull(s.r, b[:])
		n = binary.BigEndian.Uint64(b[:])
	}
	if err != nil {
		return 0, nil, err
	}
	data = make([]byte, n)
	_, err = io.ReadFull(s.r, data)
	return head[0] & 0xF, data, err
}

// text returns the next text message.
func (s *socket) text() string {
	s.t.Helper()
	op, data, err := s.read()
	if err != nil || op != opText {
		s.t.Fatalf("got opcode %d %q, error %v; want a text", op, data, err)
	}
	return string(data)
}

// want expects texts, letting pings pass if they are not among what is expected.
func (s *socket) want(texts ...string) {
	s.t.Helper()
	for _, want := range texts {
		got := s.text()
		for got == "2" && want != "2" {
			s.say("3")
			got = s.text()
		}
		if got != want {
			s.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func (s *socket) wantBinary(want []byte) {
	s.t.Helper()
	op, data, err := s.read()
	if err != nil || op != opBinary || !bytes.Equal(data, want) {
		s.t.Fatalf("got opcode %d % x, error %v; want binary % x", op, data, err, want)
	}
}

// closed expects the connection to end, and returns the code of its close frame
// (0: there was none). Messages that were under way are read over; pings are not
// answered.
func (s *socket) closed() int {
	s.t.Helper()
	for {
		op, data, err := s.read()
		switch {
		case err == nil && op == opClose:
			if len(data) < 2 {
				return 1005
			}
			return int(binary.BigEndian.Uint16(data))
		case err == nil:
			continue
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), strings.Contains(err.Error(), "reset by peer"):
			return 0
		default:
			s.t.Fatalf("the connection did not end: %v", err)
		}
	}
}
