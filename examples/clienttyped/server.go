// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"sync/atomic"

	"github.com/sio-go/sio"
)

// prices are in cents.
var prices = map[string]int{"apple": 30, "bread": 250}

// shop returns the server: it sells, and tells all customers what was sold.
func shop() *sio.Server {
	srv := sio.NewServer(nil)
	var numbers atomic.Int64
	sio.Handle(srv, Buy, func(_ context.Context, _ *sio.Socket, o Order) (Receipt, error) {
		price, ok := prices[o.Item]
		if !ok || o.Count < 1 || o.Count > 1000 {
			return Receipt{}, &sio.ReplyError{Message: "we do not sell that"}
		}
		if err := sio.Emit(srv, Sold, o); err != nil {
			return Receipt{}, err
		}
		return Receipt{Number: int(numbers.Add(1)), Cents: o.Count * price}, nil
	})
	return srv
}
