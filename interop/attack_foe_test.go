// SPDX-License-Identifier: MIT

package interop_test

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// mercy is how long an attacker waits for what must come.
const mercy = 30 * time.Second

// A foe is one attacker: a TCP connection, and the count of what it has sent. Other than a
// peer it reports errors, because many of them run at once.
type foe struct {
	f    *field
	n    int // its number
	conn net.Conn
	in   *bufio.Reader
	old  []net.Conn // those before conn

	units, bytes int64 // what it has sent
}

// dial opens a connection; those before it stay.
func (a *foe) dial() error {
	if a.conn != nil {
		a.old = append(a.old, a.conn)
	}
	conn, err := new(net.Dialer).DialContext(a.f.t.Context(), "tcp", a.f.addr)
	if err != nil {
		return err
	}
	a.conn, a.in = conn, bufio.NewReaderSize(conn, 512)
	return conn.SetDeadline(time.Now().Add(mercy))
}

func (a *foe) close() {
	for _, conn := range append(a.old, a.conn) {
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// write sends bytes that hold n units of the attack.
func (a *foe) write(n int, data []byte) error {
	a.units += int64(n)
	a.bytes += int64(len(data))
	_, err := a.conn.Write(data)
	return err
}

// request makes the text of a request. Fields are lines without their ends.
func (a *foe) request(method, query, body string, fields ...string) string {
	text := method + " /socket.io/?EIO=4&transport=" + query + " HTTP/1.1\r\nHost: " + a.f.addr + "\r\n"
	for _, field := range fields {
		text += field + "\r\n"
	}
	if method == http.MethodPost && !strings.Contains(text, "\r\nContent-Length:") && !strings.Contains(text, "\r\nTransfer-Encoding:") {
		text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return text + "\r\n" + body
}

// answer reads a response.
func (a *foe) answer() (status int, body string, err error) {
	res, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	return res.StatusCode, string(data), err
}

// ask sends a request, as one unit, and wants an answer that contains text.
func (a *foe) ask(request string, status int, text string) (body string, err error) {
	if err := a.write(1, []byte(request)); err != nil {
		return "", err
	}
	got, body, err := a.answer()
	if err == nil && (got != status || !strings.Contains(body, text)) {
		err = fmt.Errorf("%.200q: got %d %q, want %d %q", request, got, body, status, text)
	}
	return body, err
}

// poll opens a polling session and returns the query of its requests.
func (a *foe) poll() (query string, err error) {
	if err := a.dial(); err != nil {
		return "", err
	}
	body, err := a.ask(a.request("GET", "polling", ""), 200, `"sid"`)
	if err != nil {
		return "", err
	}
	var h hello
	err = json.Unmarshal([]byte(body[1:]), &h)
	return "polling&sid=" + h.SID, err
}

// switching are the header fields of an upgrade.
var switching = []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
	"Sec-WebSocket-Key: " + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))}

// open opens a WebSocket session and takes its open packet.
func (a *foe) open(fields ...string) error {
	if err := a.dial(); err != nil {
		return err
	}
	if _, err := a.ask(a.request("GET", "websocket", "", append(fields, switching...)...), 101, ""); err != nil {
		return err
	}
	text, err := a.text()
	if err == nil && text[0] != '0' {
		err = fmt.Errorf("got %q, want an open packet", text)
	}
	return err
}

// join opens a WebSocket session and joins the main namespace.
func (a *foe) join(fields ...string) error {
	if err := a.open(fields...); err != nil {
		return err
	}
	return a.exchange("40", `40{"sid":`)
}

// exchange sends a text and wants one that begins with another.
func (a *foe) exchange(say, want string) error {
	if err := a.write(1, texts(say)); err != nil {
		return err
	}
	return a.want(want)
}

// want reads a text and wants its beginning.
func (a *foe) want(prefix string) error {
	text, err := a.text()
	if err == nil && !strings.HasPrefix(text, prefix) {
		err = fmt.Errorf("got %.200q, want %q", text, prefix)
	}
	return err
}

// frame makes one masked frame. The mask is zero, so that data may be shared.
func frame(first byte, data []byte) []byte {
	return append(head(first, uint64(len(data))), data...)
}

// head makes the header of a masked frame.
func head(first byte, n uint64) []byte {
	f := []byte{first}
	switch {
	case n < 126:
		f = append(f, 0x80|byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 0x80|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 0x80|127), n)
	}
	return append(f, 0, 0, 0, 0)
}

const final = 0x80 // the bit of a message's last frame

// texts makes a frame of each.
func texts(list ...string) (frames []byte) {
	for _, text := range list {
		frames = append(frames, frame(final|opText, []byte(text))...)
	}
	return frames
}

// A closed is how a WebSocket has ended: with the code of a close frame, or 1005 if it has
// none, or 1006 if none has come.
type closed int

func (c closed) Error() string { return fmt.Sprintf("closed with code %d", int(c)) }

// text reads the next message, pings excepted. Its end is a closed.
func (a *foe) text() (string, error) {
	for {
		op, data, err := a.read()
		switch {
		case err != nil:
			return "", err
		case op == opClose && len(data) >= 2:
			return "", closed(binary.BigEndian.Uint16(data))
		case op == opClose:
			return "", closed(1005)
		case op == opText && string(data) != "2":
			return string(data), nil
		}
	}
}

// read reads a frame.
func (a *foe) read() (op byte, data []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(a.in, h[:]); err != nil {
		return 0, nil, lost(err)
	}
	n, wide := int(h[1]&0x7f), 0
	switch n {
	case 126:
		wide = 2
	case 127:
		wide = 8
	}
	if wide > 0 {
		b := make([]byte, 8)
		if _, err := io.ReadFull(a.in, b[8-wide:]); err != nil {
			return 0, nil, lost(err)
		}
		n = int(binary.BigEndian.Uint64(b))
	}
	data = make([]byte, n)
	_, err = io.ReadFull(a.in, data)
	return h[0] & 0xf, data, lost(err)
}

// lost makes the end of a connection a closed. A timeout stays what it is.
func lost(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); err == nil || ok && timeout.Timeout() {
		return err
	}
	return closed(1006)
}

// end reads until the WebSocket has ended, and wants one of the codes; none means any.
func (a *foe) end(codes ...closed) error {
	for {
		_, err := a.text()
		code, ok := errors.AsType[closed](err)
		switch {
		case err == nil:
			continue
		case !ok:
			return fmt.Errorf("the session is still there: %w", err)
		case len(codes) == 0:
			return nil
		}
		for _, want := range codes {
			if code == want {
				return nil
			}
		}
		return fmt.Errorf("%w, want %v", code, codes)
	}
}
