module github.com/sio-go/sio/cmd/sio

go 1.26

replace github.com/sio-go/sio => ../..

require (
	github.com/HdrHistogram/hdrhistogram-go v1.4.0
	github.com/gobwas/ws v1.5.0
	github.com/sio-go/sio v0.0.0
	github.com/urfave/cli/v3 v3.14.0
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/rs/cors v1.11.1 // indirect
)
