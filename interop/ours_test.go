package interop_test

import "errors"

func startOurs() (fleet, error) { _ = startServe; return fleet{}, errors.New("later") }
