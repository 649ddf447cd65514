// SPDX-License-Identifier: MIT

package packet_test

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/sio-go/sio/packet"
)

// A codec for clients that write the names of members in any case, and in which a
// time.Duration is its text. It is given to a server as sio.Config.Codec.
func ExampleNewJSON() {
	type Reminder struct {
		Text  string        `json:"text"`
		Delay time.Duration `json:"delay"`
	}
	codec := packet.NewJSON(
		json.MatchCaseInsensitiveNames(true),
		json.WithMarshalers(json.MarshalFunc(func(d time.Duration) ([]byte, error) {
			return json.Marshal(d.String())
		})),
		json.WithUnmarshalers(json.UnmarshalFunc(func(text []byte, d *time.Duration) error {
			var s string
			err := json.Unmarshal(text, &s)
			if err == nil {
				*d, err = time.ParseDuration(s)
			}
			return err
		})),
	)

	received, _, err := codec.NewDecoder(packet.Limits{}).Add([]byte(`2["remind",{"Text":"tea","DELAY":"3m"}]`), false)
	if err != nil {
		fmt.Println(err)
		return
	}
	var r Reminder
	if err := received.Args.Unmarshal(0, &r); err != nil {
		fmt.Println(err)
		return
	}
	r.Delay += time.Minute
	text, _, err := codec.Append(nil, &packet.Packet{Type: packet.Event, Event: "remind", Args: []any{r}})
	fmt.Println(string(text), err)
	// Output: 2["remind",{"text":"tea","delay":"4m0s"}] <nil>
}
