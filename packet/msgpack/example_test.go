// SPDX-License-Identifier: MIT

package msgpack_test

import (
	"net/http"

	"github.com/sio-go/sio"
	"github.com/sio-go/sio/packet/msgpack"
)

// A server for clients such as io(url, { parser }) with parser from
// "socket.io-msgpack-parser".
func Example() {
	srv := sio.NewServer(&sio.Config{Codec: msgpack.Codec{}})
	defer srv.Close()
	http.Handle("/socket.io/", srv)
}
