// SPDX-License-Identifier: MIT

package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/sio-go/sio/examples/internal/suite"
)

func TestEcho(t *testing.T) {
	t.Parallel()
	e := suite.Example{
		Handler: func() (http.Handler, io.Closer) { return handler() },
		Run:     run,
		Home:    "/",
	}
	e.Test(t)
}
