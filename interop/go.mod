module github.com/sio-go/sio/interop

go 1.26

replace github.com/sio-go/sio => ..
