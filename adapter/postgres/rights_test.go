// SPDX-License-Identifier: MIT

package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sio-go/sio/adapter"
	"github.com/sio-go/sio/adapter/postgres"
	"github.com/sio-go/sio/internal/assert"
)

// TestRights has users who may do no more than docs/cluster-postgres.md says.
func TestRights(t *testing.T) {
	t.Parallel()
	need(t)
	cfg := logged()
	cfg.Cleanup = 50 * time.Millisecond
	p := cfg.Prefix
	schema, err := postgres.Schema(&cfg)
	assert.NoError(t, err)
	grants := `
		CREATE ROLE SERVER LOGIN; CREATE ROLE EMITTER LOGIN;
		GRANT SELECT, INSERT, DELETE ON P TO SERVER;
		GRANT USAGE ON SEQUENCE P_id_seq TO SERVER, EMITTER;
		GRANT INSERT, SELECT (id) ON P TO EMITTER;
		GRANT SELECT, INSERT, DELETE ON P_l TO SERVER;
		GRANT SELECT, INSERT, UPDATE, DELETE ON P_s TO SERVER;
		GRANT INSERT, SELECT (id, ms) ON P_l TO EMITTER;
		GRANT USAGE ON SEQUENCE P_l_id_seq TO SERVER, EMITTER;`
	execute(t, schema+strings.NewReplacer("SERVER", p+"_server", "EMITTER", p+"_emitter", " P", " "+p).Replace(grants))
	as := func(name string) string { return strings.Replace(shared.url(), "sio@", p+name+"@", 1) }
	bus, err := postgres.NewBus(poolAt(t, as("_server")), &cfg)
	assert.NoError(t, err)
	m := join(t, bus, "/", uid)
	assert.NoError(t, m.log().Save(&adapter.Session{ID: "a", PID: "p"}, time.Minute))
	offset := m.append(t, m.event(t, "x", []byte{1}))
	_, err = m.log().Take(t.Context(), "p", offset)
	assert.NoError(t, err)
	assert.Equal(t, m.since(t, offset), []string{})
	e, err := postgres.NewEmitter(poolAt(t, as("_emitter")), &postgres.EmitterConfig{Prefix: cfg.Prefix, Table: cfg.Table, Log: cfg.Log})
	assert.NoError(t, err)
	assert.NoError(t, e.Emit("a", []byte{1}))
	assert.NoError(t, e.Emit("b"))
	eventually(t, "the events", func() bool { return len(m.messages()) == 2 })
	eventually(t, "a cleanup", func() bool { return query[int](t, "SELECT count(*) FROM "+cfg.Table) == 0 })
	assert.True(t, !m.failed(func(error) bool { return true }), "an error was told: %v", m.errs)
}
