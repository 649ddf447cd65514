// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/internal/assert"
)

func TestBot(t *testing.T) {
	t.Parallel()
	srv := sio.NewServer(nil)
	server := httptest.NewServer(srv)
	defer server.Close()
	defer srv.Close() // first, for server waits for polls
	joined, heard := make(chan *sio.Socket, 1), make(chan string, 1)
	srv.OnConnect(func(_ context.Context, s *sio.Socket) error { joined <- s; return nil })
	sio.On(srv, Say, func(_ context.Context, _ *sio.Socket, text string) error {
		heard <- text
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 2)
	go func() { ended <- run(ctx, server.URL, "/socket.io/") }()
	for range 2 { // the second time after a reconnection
		bot := <-joined
		assert.NoError(t, sio.Emit(bot, Said, Chat{From: "somebody", Text: "hello"}))
		assert.NoError(t, sio.Emit(bot, Said, Chat{From: bot.ID(), Text: "time?"}))
		assert.NoError(t, sio.Emit(bot, Said, Chat{From: "somebody", Text: "time?"}))
		text := <-heard
		assert.True(t, strings.HasPrefix(text, "It is "), "%s", text)
		bot.Session().Close()
	}
	<-joined
	cancel()
	assert.NoError(t, <-ended)

	go func() { ended <- run(t.Context(), server.URL, "/socket.io/") }()
	bot := <-joined
	bot.Disconnect(false)
	assert.Error(t, <-ended) // thrown out
}
