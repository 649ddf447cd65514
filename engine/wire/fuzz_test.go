// SPDX-License-Identifier: MIT

package wire_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/sio-go/sio/engine/wire"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "0{}", "1", "2probe", "3", "4hello", "5", "6", "7", "b", "\xff"} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, binary bool) {
		p, err := wire.Parse(data, binary)
		if err != nil {
			var syntax *wire.SyntaxError
			if !errors.As(err, &syntax) || binary {
				t.Fatalf("error %#v", err)
			}
			return
		}
		inText := !binary && data[0] == 'b'
		if p.Type > wire.Noop || p.Binary != (binary || inText) {
			t.Fatalf("packet %#v", p)
		}
		if inText {
			return
		}
		if got := wire.Append(nil, p); !bytes.Equal(got, data) {
			t.Fatalf("%q became %q", data, got)
		}
	})
}

func FuzzParsePayload(f *testing.F) {
	for _, s := range []string{"", "4a\x1ebAQIDBA==\x1e4b", "b-_8", "b+/8=", "\x1e", "4a\x1e", "b=", "b\r\nAQ\n==", "2\x1e3\x1ex"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		collect := func(body []byte) (packets []wire.Packet, failed bool) {
			for p, err := range wire.ParsePayload(body) {
				var syntax *wire.SyntaxError
				if failed || err != nil && (!errors.As(err, &syntax) || syntax.Offset > len(body)) {
					t.Fatalf("%#v, %#v", p, err)
				}
				if failed = err != nil; !failed {
					packets = append(packets, p)
				}
			}
			return packets, failed
		}
		packets, failed := collect(body)
		if len(packets) == 0 {
			if !failed {
				t.Fatal("neither a packet nor an error")
			}
			return
		}
		var again []byte
		for _, p := range packets {
			again = wire.AppendPayload(again, p)
		}
		if got, failed := collect(again); failed || !reflect.DeepEqual(got, packets) {
			t.Fatalf("%v became %v", packets, got)
		}
	})
}

func FuzzParsePayload3(f *testing.F) {
	for _, s := range []string{"", "6:4hello10:b4AQIDBA==", "3:4\U0001f6001:2", "0:", "1:21", "2:4\xff", "99999999999999999999:4"} {
		f.Add([]byte(s), false)
	}
	for _, s := range []string{"", "\x00\x06\xff4hello\x01\x05\xff\x04\x01\x02\x03\x04", "\x00\x09\x09\xff4", "\x01\x01\xff\x02"} {
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, isBinary bool) {
		packets, offset, _ := parse3(string(body), isBinary)
		if offset > len(body) {
			t.Fatalf("error at %d of %d", offset, len(body))
		}
		if len(packets) == 0 {
			return
		}
		var inText, inBinary []byte
		for _, p := range packets {
			inText = wire.AppendPayload3(inText, p)
			inBinary = wire.AppendBinaryPayload3(inBinary, p)
			data := wire.Append3(nil, p)
			if got, err := wire.Parse3(data, p.Binary); err != nil || !reflect.DeepEqual(got, p) {
				t.Fatalf("%v became %v, %v", p, got, err)
			}
		}
		for _, again := range []struct {
			body   []byte
			binary bool
		}{{inText, false}, {inBinary, true}} {
			if got, _, err := parse3(string(again.body), again.binary); err != nil || !reflect.DeepEqual(got, packets) {
				t.Fatalf("%v became %v, %v", packets, got, err)
			}
		}
	})
}
