module github.com/sio-go/sio/interop

go 1.26

replace github.com/sio-go/sio => ..

require github.com/sio-go/sio v0.0.0-00010101000000-000000000000

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gobwas/ws v1.5.0 // indirect
)
