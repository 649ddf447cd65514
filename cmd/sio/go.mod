module github.com/sio-go/sio/cmd/sio

go 1.26

replace github.com/sio-go/sio => ../..

require github.com/urfave/cli/v3 v3.14.0 // indirect
