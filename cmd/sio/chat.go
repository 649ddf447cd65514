// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/sio-go/sio"
)

// What events carry.
type (
	name struct {
		Nick string `json:"nick"`
	}
	people struct {
		Room  string   `json:"room"`
		Users []string `json:"users"`
	}
	notice struct {
		Text string `json:"text"`
	}
	message struct {
		From string    `json:"from"`
		Text string    `json:"text"`
		At   time.Time `json:"at"`
	}
	typing struct {
		Nick string `json:"nick"`
		On   bool   `json:"on"`
	}
)

// chat is the server of the page at /chat. Sockets keep their nick and room as values.
func chat(ns *sio.Namespace) {
	var naming sync.Mutex // so that two cannot take one name at the same time

	sio.Handle(ns, "nick", func(_ context.Context, s *sio.Socket, nick string) (name, error) {
		naming.Lock()
		defer naming.Unlock()
		taken := func(other *sio.Socket) bool { return other != s && text(other, "nick") == nick }
		if nick = strings.TrimSpace(nick); !fits(nick, 24) || slices.ContainsFunc(ns.Sockets(), taken) {
			return name{}, &sio.ReplyError{Message: "Please choose another name."}
		}
		s.SetValue("nick", nick)
		return name{nick}, nil
	})

	sio.Handle(ns, "join", func(_ context.Context, s *sio.Socket, room string) (people, error) {
		if room = strings.TrimSpace(room); !fits(room, 24) || text(s, "nick") == "" {
			return people{}, &sio.ReplyError{Message: "Please choose a name and another room."}
		}
		leave(s)
		s.SetValue("room", room)
		if err := s.Join("chat:" + room); err != nil {
			return people{}, err
		}
		tell(ns, room, text(s, "nick")+" joined")
		return people{room, users(ns, room)}, nil
	})

	sio.On(ns, "message", func(_ context.Context, s *sio.Socket, said string) error {
		if !fits(said, 500) || text(s, "room") == "" {
			return nil
		}
		return ns.To("chat:"+text(s, "room")).Emit("message", message{text(s, "nick"), said, time.Now()})
	})

	sio.On(ns, "typing", func(_ context.Context, s *sio.Socket, on bool) error {
		return s.To("chat:"+text(s, "room")).Emit("typing", typing{text(s, "nick"), on})
	})

	ns.OnDisconnect(func(s *sio.Socket, _ sio.Reason) { leave(s) })
}

// leave takes a socket out of the room that it is in, if any.
func leave(s *sio.Socket) {
	room := text(s, "room")
	s.SetValue("room", "")
	s.Leave("chat:" + room)
	if room != "" {
		tell(s.Namespace(), room, text(s, "nick")+" left")
	}
}

// tell lets a room know who came or went, and who is there now.
func tell(ns *sio.Namespace, room, news string) {
	_ = ns.To("chat:"+room).Emit("notice", notice{news}) // strings can be encoded
	_ = ns.To("chat:"+room).Emit("users", people{room, users(ns, room)})
}

func users(ns *sio.Namespace, room string) []string {
	var list []string
	for _, s := range ns.Sockets() {
		if text(s, "room") == room {
			list = append(list, text(s, "nick"))
		}
	}
	slices.Sort(list)
	return list
}

func text(s *sio.Socket, key string) string {
	value, _ := s.Value(key).(string)
	return value
}

func fits(text string, runes int) bool { return text != "" && utf8.RuneCountInString(text) <= runes }
