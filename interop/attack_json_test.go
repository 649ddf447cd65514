// SPDX-License-Identifier: MIT

package interop_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// jsonAttacks are those by what is in events.
func jsonAttacks() []attack {
	return []attack{
		{
			name: "huge JSON", does: "an event of 1 MB, decoded into `any`: a list of 499,000 numbers; then one that is larger than `MaxPayloadBytes`",
			gets: "an answer; close code 1009 for the larger one",
			foes: 2, held: 512 << 10, made: 64 << 20, ends: "Max payload size exceeded",
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				if err := a.exchange(numbers(), `430[499000]`); err != nil {
					return err
				}
				if err := a.write(1, texts(numbers()+strings.Repeat(" ", 10_000))); err != nil {
					return err
				}
				return a.end(1009)
			},
		},
		{
			name: "deep JSON", does: "an event of 450,000 nested lists, one of as many nested objects, and one that never closes them",
			gets: "the session ends at `MaxDepth`",
			foes: 4, held: 128 << 10, made: 32 << 20, ends: "forced close",
			run: func(a *foe) error {
				const n = 450_000
				for _, value := range []string{
					strings.Repeat("[", n) + strings.Repeat("]", n),
					strings.Repeat(`{"a":`, n/3) + "1" + strings.Repeat("}", n/3),
					strings.Repeat("[", 2*n),
				} {
					if err := a.join(); err != nil {
						return err
					}
					if err := a.write(1, texts(`420["size",`+value+`]`)); err != nil {
						return err
					}
					if err := a.end(); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			name: "many keys", does: "an object of 90,000 keys, and one of the same key 120,000 times, decoded into `any`",
			gets: "an answer; the map has all keys",
			foes: 2, held: 512 << 10, made: 128 << 20,
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				if err := a.exchange(different(), `430[90000]`); err != nil {
					return err
				}
				return a.exchange(equal(), `430[1]`)
			},
		},
		{
			name: "hash collisions", does: "an object of 16,384 keys whose hashes are equal in languages that do not seed them",
			gets: "an answer: Go seeds its maps",
			foes: 2, held: 512 << 10, made: 64 << 20,
			run: func(a *foe) error {
				if err := a.join(); err != nil {
					return err
				}
				return a.exchange(colliding(), `430[16384]`)
			},
		},
		{
			name: "prototype keys", does: "`__proto__`, `constructor` and `prototype` as event, key, namespace, auth, transport and session",
			gets: "they are names like any other: echoed, unknown, or refused with their status",
			foes: 4, held: 128 << 10, made: 8 << 20,
			run: prototypes,
		},
		{
			name: "reserved events", does: "events named `connect`, `disconnect`, `error`, `newListener`; names that are objects, lists, numbers or nothing",
			gets: "ignored, or the session ends with `forced close`; never a panic",
			foes: 4, held: 128 << 10, made: 8 << 20, ends: "forced close",
			run: func(a *foe) error {
				for _, list := range []string{
					`["connect"]`, `["connect_error",1]`, `["disconnect"]`, `["disconnecting"]`, `["newListener","x"]`, `["removeListener","x"]`,
					`[{"toString":"x"}]`, `[["echo"]]`, `[null]`, `[true]`, `[]`, `{}`, `"echo"`, `[`, ``,
				} {
					if err := a.join(); err != nil {
						return err
					}
					if err := a.write(1, texts("420"+list)); err != nil {
						return err
					}
					if err := a.end(); err != nil {
						return fmt.Errorf("%s: %w", list, err)
					}
				}
				if err := a.join(); err != nil {
					return err
				}
				if err := a.write(3, texts(`42["error",{"message":"x"}]`, `42["error"]`, `42[0,"x"]`)); err != nil {
					return err
				}
				return a.exchange(`420["echo","still"]`, `430["still"]`)
			},
		},
	}
}

// object makes a JSON object of n keys.
func object(n int, key func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"` + key(i) + `":0`)
	}
	return "{" + b.String()[1:] + "}"
}

// Events that are made once for all attackers.
var (
	numbers = sync.OnceValue(func() string {
		return `420["size",[` + strings.TrimSuffix(strings.Repeat("0,", 499_000), ",") + `]]`
	})
	different = sync.OnceValue(func() string {
		return `420["size",` + object(90_000, func(i int) string { return strconv.Itoa(100_000 + i)[1:] }) + `]`
	})
	equal = sync.OnceValue(func() string {
		return `420["size",` + object(120_000, func(int) string { return "k" }) + `]`
	})
)

// colliding is an event whose keys are made of "Aa" and "BB", which have the same value with
// the polynomial of 31 that Java and others use.
var colliding = sync.OnceValue(func() string {
	return `420["size",` + object(1<<14, func(i int) string {
		key := make([]byte, 0, 28)
		for bit := range 14 {
			key = append(key, []string{"Aa", "BB"}[i>>bit&1]...)
		}
		return string(key)
	}) + `]`
})

// prototypes uses names that mean something in JavaScript.
func prototypes(a *foe) error {
	for _, name := range []string{"__proto__", "constructor", "prototype"} {
		if err := a.dial(); err != nil {
			return err
		}
		if _, err := a.ask(a.request("GET", name, ""), 400, `{"code":0,"message":"Transport unknown"}`); err != nil {
			return err
		}
		if _, err := a.ask(a.request("GET", "polling&sid="+name, ""), 400, `{"code":1,"message":"Session ID unknown"}`); err != nil {
			return err
		}
		if err := a.open(); err != nil {
			return err
		}
		auth := fmt.Sprintf(`{"%s":{"admin":true},"token":"x"}`, name)
		if err := a.exchange("40"+auth, `40{"sid":`); err != nil {
			return err
		}
		if err := a.exchange("40/"+name+",", `44/`+name+`,{"message":"Invalid namespace"}`); err != nil {
			return err
		}
		if err := a.write(1, texts(`42["`+name+`",{}]`)); err != nil {
			return err
		}
		if err := a.exchange(`420["echo",`+auth+`]`, `430[`+auth+`]`); err != nil {
			return err
		}
		if err := a.exchange(`421["size",`+auth+`]`, `431[2]`); err != nil {
			return err
		}
		if err := a.exchange(`422["join","`+name+`"]`, `432["ok"]`); err != nil {
			return err
		}
	}
	return nil
}
