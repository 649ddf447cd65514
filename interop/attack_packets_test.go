// SPDX-License-Identifier: MIT

package interop_test

import (
	"bytes"
	"fmt"
	"strings"
)

// packetAttacks are those by Socket.IO packets.
func packetAttacks() []attack {
	return []attack{
		{
			name: "namespace flood", does: "5,000 CONNECTs for namespaces that do not exist",
			gets: "CONNECT_ERROR `Invalid namespace` for each, or `Too many namespaces` while 64 of them are looked at; nothing is kept",
			foes: 4, held: 128 << 10, made: 32 << 20,
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				return a.flood(5000, func(i int) string { return fmt.Sprintf("40/no-%d,", i) },
					func(_ int, text string) bool {
						return strings.HasPrefix(text, "44/no-") &&
							(strings.HasSuffix(text, `,{"message":"Invalid namespace"}`) || strings.HasSuffix(text, `,{"message":"Too many namespaces"}`))
					})
			},
		},
		{
			name: "dynamic namespace flood", does: "1,000 CONNECTs for namespaces that are made on demand",
			gets: "63 are joined besides the first (`MaxNamespaces`), CONNECT_ERROR for the others",
			foes: 4, held: 512 << 10, made: 16 << 20,
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				joined := 0
				err := a.flood(1000, func(i int) string { return fmt.Sprintf("40/made-%d,", a.n*1000+i) },
					func(i int, text string) bool {
						if strings.HasPrefix(text, "40/made-") {
							joined++
							return true
						}
						return strings.HasPrefix(text, "44/made-")
					})
				if err == nil && joined != 63 {
					err = fmt.Errorf("%d namespaces were joined", joined)
				}
				return err
			},
		},
		{
			name: "long packet headers", does: "packets of 990 KB of digits as id or as number of attachments, of a namespace's name, or of nothing but one character",
			gets: "the session ends with `forced close`",
			foes: 2, held: 512 << 10, made: 128 << 20, ends: "forced close",
			run: func(a *foe) error {
				for _, header := range []string{"421", "42/", "451", "431", "4/", "4", "42["} {
					if err := a.join(); err != nil {
						return err
					}
					last := header[len(header)-1:]
					if err := a.write(1, texts(header+strings.Repeat(last, 990_000))); err != nil {
						return err
					}
					if err := a.end(); err != nil {
						return fmt.Errorf("%s: %w", header, err)
					}
				}
				return nil
			},
		},
		{
			name: "join flood", does: "2,000 events whose handler joins a room of that name",
			gets: "`ErrTooManyRooms` beyond 1,024 rooms",
			foes: 4, held: 1 << 20, made: 32 << 20,
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				return a.flood(2000, func(i int) string { return fmt.Sprintf(`42%d["join","room-%d-%d"]`, i, a.n, i) },
					func(i int, text string) bool {
						want := `["ok"]`
						if i >= 1024 {
							want = `["sio: too many rooms"]`
						}
						return text == fmt.Sprintf("43%d%s", i, want)
					})
			},
		},
		{
			name: "ack flood", does: "20,000 acknowledgements of ids that were never asked, then an id that is none",
			gets: "they are ignored and nothing is kept; the last ends the session",
			foes: 4, held: 128 << 10, made: 32 << 20, ends: "forced close",
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				var many []byte
				for i := range 1000 {
					many = append(many, texts(fmt.Sprintf(`43%d["x"]`, i*i*i))...)
				}
				for range 20 {
					if err := a.write(1000, many); err != nil {
						return err
					}
				}
				if err := a.exchange(`420["echo","still"]`, `430["still"]`); err != nil {
					return err
				}
				if err := a.write(1, texts(`43-1["x"]`)); err != nil {
					return err
				}
				return a.end()
			},
		},
		{
			name: "binary confusion", does: "placeholders out of range, twice, of wrong types; attachments that are missing, too many, without a header, or interrupted",
			gets: "the session ends with `forced close`; a placeholder used twice gets the same bytes twice; nothing is read beyond the attachments",
			foes: 4, held: 128 << 10, made: 8 << 20, ends: "forced close",
			run: confuse,
		},
		{
			name: "attachments withheld", does: "the header of ten attachments, nine of them of 990 KB, and not the last",
			gets: "held until the heartbeat or the client ends it: `MaxAttachments` times `MaxPayloadBytes` at most",
			foes: 4, held: 16 << 20, made: 128 << 20,
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				if err := a.write(1, texts(`4510-["echo",{"_placeholder":true,"num":0}]`)); err != nil {
					return err
				}
				if err := a.write(9, bytes.Repeat(frame(final|opBinary, make([]byte, 990_000)), 9)); err != nil {
					return err
				}
				if err := a.write(1, frame(final|opPing, nil)); err != nil {
					return err
				}
				op, _, err := a.read() // all was taken
				if err == nil && op != 10 {
					err = fmt.Errorf("got a frame of type %d", op)
				}
				return err
			},
		},
	}
}

// flood sends n texts and takes as many answers meanwhile.
func (a *foe) flood(n int, say func(i int) string, ok func(i int, text string) bool) error {
	sent := make(chan error, 1)
	go func() {
		for i := 0; i < n; {
			var some []byte
			from := i
			for ; i < n && len(some) < 16<<10; i++ {
				some = append(some, texts(say(i))...)
			}
			if err := a.write(i-from, some); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range n {
		text, err := a.text()
		if err == nil && !ok(i, text) {
			err = fmt.Errorf("answer %d is %q", i, text)
		}
		if err != nil {
			_ = a.conn.Close() // ends the sender
			<-sent
			return err
		}
	}
	return <-sent
}

// confuse sends binary packets that are none.
func confuse(a *foe) error {
	binary := func(data string) []byte { return frame(final|opBinary, []byte(data)) }
	event := func(n string, values string) []byte { return texts(`45` + n + `-7["echo",` + values + `]`) }
	const first = `{"_placeholder":true,"num":0}`
	for _, c := range [][]byte{
		append(event("1", `{"_placeholder":true,"num":1}`), binary("x")...),
		append(event("1", `{"_placeholder":true,"num":-1}`), binary("x")...),
		append(event("1", `{"_placeholder":true,"num":1e9}`), binary("x")...),
		append(event("1", `{"_placeholder":true,"num":0.5}`), binary("x")...),
		append(event("1", `{"_placeholder":true,"num":"0"}`), binary("x")...),
		append(event("1", `{"_placeholder":true,"num":"splice"}`), binary("x")...),
		append(event("1", `{"_placeholder":true,"num":{"0":0}}`), binary("x")...),
		append(event("1", `{"_placeholder":true}`), binary("x")...),
		append(event("2", first), texts(`42["echo"]`)...), // missing
		append(event("1", first), texts(`43["echo"]`)...),
		append(event("1", first), texts(`451-["echo"]`)...),
		event("11", first),
		event("99999999999999999999", first),
		event("-1", first),
		event("", first),
		binary("x"), // without a header
		append(append(event("1", first), binary("x")...), binary("x")...), // one too many
	} {
		if err := a.join(); err != nil {
			return err
		}
		if err := a.write(1, c); err != nil {
			return err
		}
		if err := a.end(); err != nil {
			return fmt.Errorf("%q: %w", c, err)
		}
	}
	// Both are the same attachment.
	if err := a.join(); err != nil {
		return err
	}
	if err := a.write(1, append(event("1", first+","+first), binary("x")...)); err != nil {
		return err
	}
	return a.want(`46`)
}
