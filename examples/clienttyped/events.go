// SPDX-License-Identifier: MIT

package main

import "github.com/sio-go/sio"

// Order is what a customer wants.
type Order struct {
	Item  string `json:"item"`
	Count int    `json:"count"`
}

// Receipt is what he gets for it.
type Receipt struct {
	Number int `json:"number"`
	Cents  int `json:"cents"`
}

// What server and client have to agree on. The compiler checks each handler and each call,
// on both sides, against these lines.
const (
	Buy  sio.Request[Order, Receipt] = "buy"
	Sold sio.Event[Order]            = "sold"
)
