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
		if p.Type > wire.Noop || p.Binary != binary {
			t.Fatalf("packet %#v", p)
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
