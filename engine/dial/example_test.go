// SPDX-License-Identifier: MIT

package dial_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/sio-go/sio/engine"
	"github.com/sio-go/sio/engine/dial"
)

// printer prints what it receives, and then closes the session.
type printer struct{ session *dial.Session }

func (p *printer) Receive(data []byte, _ bool) {
	fmt.Println("received", string(data))
	p.session.Close()
}
func (p *printer) ReceiveEnd() {}
func (p *printer) Closed(reason engine.Reason, err error) {
	fmt.Println("closed:", reason, err)
}

func ExampleDialer_Dial() {
	server := engine.NewServer(&engine.Config{OnSession: func(s *engine.Session) engine.Receiver {
		return &peer{session: s, ended: make(chan struct{})} // sends back what it gets
	}})
	host := httptest.NewServer(server)
	defer host.Close()
	defer server.Close()

	d, err := dial.New(host.URL, &dial.Config{Transports: []string{engine.WebSocket}})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := d.Dial(context.Background(), func(s *dial.Session) dial.Receiver { return &printer{s} })
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = s.Send([]byte("hello"), nil, dial.SendOptions{})
	<-s.Done()
	// Output:
	// received hello
	// closed: forced close <nil>
}
