// SPDX-License-Identifier: MIT

package packet_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/sio-go/sio/internal/assert"
	"github.com/sio-go/sio/packet"
)

// vector is a packet of testdata/packets.txt.
type vector struct {
	name        string
	text        string
	attachments [][]byte
}

func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/packets.txt")
	assert.NoError(t, err)
	var list []vector
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "== "); ok {
			list = append(list, vector{name: name})
		} else if len(list) > 0 {
			v := &list[len(list)-1]
			if v.text == "" {
				v.text = line
				continue
			}
			attachment, err := hex.DecodeString(strings.TrimPrefix(strings.TrimPrefix(line, "hex"), " "))
			assert.NoError(t, err)
			v.attachments = append(v.attachments, attachment)
		}
	}
	return list
}

// join gives a Decoder the messages of one packet.
func join(d *packet.Decoder, text string, attachments [][]byte) (packet.Received, bool, error) {
	p, complete, err := d.Add([]byte(text), false)
	for _, a := range attachments {
		if complete || err != nil {
			break
		}
		p, complete, err = d.Add(a, true)
	}
	return p, complete, err
}

// resend turns a received packet into one to be sent.
func resend(r packet.Received) *packet.Packet {
	p := &packet.Packet{Type: r.Type, Namespace: r.Namespace, ID: r.ID, HasID: r.HasID, Event: r.Event}
	if r.Args.Len() > 0 {
		p.Args = []any{r.Args}
	}
	return p
}

// TestGolden decodes each vector and sends it on, raw and by way of Go values (P1.2 to
// P1.11): both must give the vector again.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			var d packet.Decoder
			r, complete, err := join(&d, v.text, v.attachments)
			assert.NoError(t, err)
			assert.True(t, complete, "packet is not complete")

			text, attachments, err := packet.Append([]byte("before"), resend(r))
			assert.NoError(t, err)
			assert.Equal(t, string(text), "before"+v.text)
			assert.Equal(t, attachments, v.attachments)

			p := resend(r)
			p.Args = nil
			for i := range r.Args.Len() {
				var arg any
				assert.NoError(t, r.Args.Unmarshal(i, &arg))
				p.Args = append(p.Args, arg)
			}
			text, attachments, err = packet.Append(nil, p)
			assert.NoError(t, err)
			assert.Equal(t, sameKeys(string(text)), sameKeys(v.text))
			assert.Equal(t, attachments, v.attachments)
		})
	}
}

// sameKeys orders what the maps of a few vectors leave in any order.
func sameKeys(s string) string {
	s = strings.ReplaceAll(s, `{"c":null,"b":{"_placeholder":true,"num":0}}`, `{"b":{"_placeholder":true,"num":0},"c":null}`)
	s = strings.ReplaceAll(s, `{"num":7,"_placeholder":true}`, `{"_placeholder":true,"num":7}`)
	s = strings.ReplaceAll(s, `{"pid":"gep7pI_0SmR0iBSeAAAC","sid":"YkaWgNz59ge5cLXwAAAB"}`,
		`{"sid":"YkaWgNz59ge5cLXwAAAB","pid":"gep7pI_0SmR0iBSeAAAC"}`)
	return s
}
