module github.com/sio-go/sio/interop

go 1.26.0

replace (
	github.com/sio-go/sio => ..
	github.com/sio-go/sio/adapter/nats => ../adapter/nats
	github.com/sio-go/sio/adapter/postgres => ../adapter/postgres
	github.com/sio-go/sio/adapter/redis => ../adapter/redis
	github.com/sio-go/sio/webtransport => ../webtransport
)

require (
	github.com/quic-go/quic-go v0.62.0 // what webtransport-go v0.13.0 needs: it does not build with v0.65.0
	github.com/quic-go/webtransport-go v0.13.0
	github.com/sio-go/sio v0.0.0-00010101000000-000000000000
	github.com/sio-go/sio/adapter/nats v0.0.0
	github.com/sio-go/sio/adapter/postgres v0.0.0
	github.com/sio-go/sio/adapter/redis v0.0.0-00010101000000-000000000000
	github.com/sio-go/sio/webtransport v0.0.0-00010101000000-000000000000
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.8.0-default-no-op // indirect
	github.com/dunglas/httpsfv v1.1.1 // indirect
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/gobwas/httphead v0.1.0 // indirect
	github.com/gobwas/ws v1.5.0 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/pgx/v5 v5.12.0 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nats-server/v2 v2.15.2 // indirect
	github.com/nats-io/nats.go v1.55.0 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/quic-go/qpack v0.6.0 // indirect
	github.com/redis/rueidis v1.0.79 // indirect
	github.com/rs/cors v1.11.1 // indirect
	github.com/tinylib/msgp v1.6.5 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)
