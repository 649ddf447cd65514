// SPDX-License-Identifier: MIT

package packet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sio-go/sio/packet"
)

// FuzzScan compares the scanner with package jsontext.
func FuzzScan(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Add([]byte(strings.Repeat("[", 2000) + strings.Repeat("]", 2000)))
	f.Fuzz(func(t *testing.T, text []byte) {
		elems, ok := packet.Scan(text, 10000)
		if ok != isJSON(text) {
			t.Fatalf("valid is %v", ok)
		}
		if !ok {
			return
		}
		for _, e := range elems {
			if !isJSON([]byte(e)) || strings.TrimSpace(e) != e {
				t.Errorf("element %q", e)
			}
		}
		if trimmed := bytes.TrimSpace(text); trimmed[0] == '[' {
			if !sameList(elems, trimmed) {
				t.Errorf("elements %q", elems)
			}
		} else if len(elems) != 1 || elems[0] != string(trimmed) {
			t.Errorf("elements %q of a single value", elems)
		}
	})
}

// sameList reports whether a list has these elements, space aside.
func sameList(elems []string, list []byte) bool {
	joined := "[" + strings.Join(elems, ",") + "]"
	squeeze := strings.NewReplacer(" ", "", "\n", "", "\t", "", "\r", "")
	return squeeze.Replace(joined) == squeeze.Replace(string(list))
}

// FuzzDecoder feeds a Decoder with messages: each is a byte for its length, whose
// highest bit means binary. What it accepts must survive being sent on.
func FuzzDecoder(f *testing.F) {
	seed := func(messages ...string) {
		var data []byte
		for i, m := range messages {
			if len(m) > 127 {
				continue
			}
			mark := byte(len(m))
			if i > 0 {
				mark |= 0x80
			}
			data = append(append(data, mark), m...)
		}
		f.Add(data)
	}
	for _, v := range vectors(f) {
		messages := []string{v.text}
		for _, a := range v.attachments {
			messages = append(messages, string(a))
		}
		seed(messages...)
	}
	for _, s := range []string{`5`, `50-[]`, `599999999999999999999-[]`, `2["connect"]`, `2[1e5,"\u00e9\ud800"]`, "0/\xff,{\"a\":\"\xff\"}", `299999999999999999999[]`} {
		seed(s)
	}
	seed(`51-["a",{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":9}}]`, "a")
	seed(`51-["a",{"_\u0070laceholder":true,"num":0e0}]`, "a")
	f.Fuzz(func(t *testing.T, data []byte) {
		var d packet.Decoder
		for len(data) > 0 {
			n := min(int(data[0]&0x7f), len(data)-1)
			message, bin := data[1:1+n], data[0]&0x80 != 0
			data = data[1+n:]
			p, complete, err := d.Add(message, bin)
			if err != nil {
				var syntax *packet.SyntaxError
				if !errors.As(err, &syntax) || complete || syntax.Offset > len(message) && !bin {
					t.Fatalf("%v, complete %v, error %#v", p, complete, err)
				}
				continue
			}
			if complete {
				checkReceived(t, p)
			}
		}
	})
}

// checkReceived sends a packet on and receives it again.
func checkReceived(t *testing.T, p packet.Received) {
	if p.Type > packet.ConnectError || p.Namespace == "" || packet.IsReserved(p.Event) {
		t.Fatalf("received %#v", p)
	}
	for i := range p.Args.Len() {
		// Must not panic; may fail for a number out of range.
		for _, dst := range []any{new(any), new([]byte), new(string), new([]any), new(blob), new(outer), new(float64)} {
			_ = p.Args.Unmarshal(i, dst)
		}
	}
	again := resend(p)
	if p.Type == packet.Ack && !p.HasID || p.Type == packet.Event && p.ID >= 1<<53 {
		return // Append refuses these
	}
	text, attachments, err := packet.Append(nil, again)
	if err != nil {
		t.Fatalf("sending on %#v: %v", p, err)
	}
	unlimited := packet.Decoder{Limits: packet.Limits{Attachments: -1}} // one attachment may be referred to often
	q, complete, err := join(&unlimited, string(text), attachments)
	if err != nil || !complete {
		t.Fatalf("%q: complete %v, error %v", text, complete, err)
	}
	if p.Type != packet.Event && p.Type != packet.Ack {
		q.ID, q.HasID = p.ID, p.HasID // Append leaves these out
	}
	if !utf8.Valid(rawText(p.Args)) {
		return
	}
	for i := range p.Args.Len() {
		var a, b any
		errA, errB := p.Args.Unmarshal(i, &a), q.Args.Unmarshal(i, &b)
		if (errA == nil) != (errB == nil) || !reflect.DeepEqual(a, b) {
			t.Fatalf("argument %d: %#v became %#v", i, a, b)
		}
	}
	if p.Args.Len() != q.Args.Len() {
		t.Fatalf("%d arguments became %d", p.Args.Len(), q.Args.Len())
	}
	p.Args, q.Args = packet.Args{}, packet.Args{}
	if !reflect.DeepEqual(p, q) {
		t.Fatalf("%#v became %#v", p, q)
	}
}

func rawText(a packet.Args) (text []byte) {
	for i := range a.Len() {
		raw, _ := a.Raw(i)
		text = append(text, raw...)
	}
	return text
}

// FuzzAppendDecode builds a packet of the fuzzer's values and reads it back.
func FuzzAppendDecode(f *testing.F) {
	f.Add("event", "/", "text", []byte{1, 2}, int64(-1), 1.5, true, uint64(3))
	f.Add("", "/admin", "\"\\\n\u2028\x00\xff", []byte{}, int64(0), math.Copysign(0, -1), false, uint64(0))
	f.Add("connect", "/a,b", "", []byte(nil), int64(1<<62), 1e300, true, uint64(1<<60))
	f.Fuzz(func(t *testing.T, event, namespace, text string, data []byte, n int64, x float64, flag bool, id uint64) {
		args := []any{text, data, n, x, flag, nil, map[string]any{text: data}, []any{data, x}, inner{data, text}, blob(data)}
		p := &packet.Packet{Type: packet.Event, Namespace: namespace, Event: event, HasID: flag, ID: id, Args: args}
		encoded, attachments, err := packet.Append(nil, p)
		if err != nil {
			return
		}
		var d packet.Decoder
		r, complete, err := join(&d, string(encoded), attachments)
		if err != nil || !complete {
			t.Fatalf("%q: complete %v, error %v", encoded, complete, err)
		}
		wantID := binary.BigEndian.AppendUint64(nil, id)
		if gotID := binary.BigEndian.AppendUint64(nil, r.ID); flag && !bytes.Equal(gotID, wantID) || r.HasID != flag {
			t.Errorf("id %d became %d", id, r.ID)
		}
		if namespace != "" && r.Namespace != namespace || r.Event != strings.ToValidUTF8(event, "\uFFFD") && utf8.ValidString(event) {
			t.Errorf("event %q of %q became %q of %q", event, namespace, r.Event, r.Namespace)
		}
		for i, v := range args {
			if i == 5 || !utf8.ValidString(text) {
				continue
			}
			if m, ok := v.(map[string]any); ok {
				if text == "_placeholder" || text == "num" {
					continue
				}
				v = map[string][]byte{text: m[text].([]byte)}
			}
			if list, ok := v.([]any); ok {
				v = list // decoded as []any
			}
			dst := reflect.New(reflect.TypeOf(v))
			if err := r.Args.Unmarshal(i, dst.Interface()); err != nil {
				t.Fatalf("argument %d of %q: %v", i, encoded, err)
			}
			if got := dst.Elem().Interface(); !reflect.DeepEqual(got, v) && data != nil {
				t.Errorf("argument %d of %q: %#v became %#v", i, encoded, v, got)
			}
		}
	})
}
