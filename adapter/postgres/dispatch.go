// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sio-go/sio/adapter"
)

// item is what the listener hands to the dispatcher: a notification, or that it listens.
type item struct {
	channel, payload string
	ready            bool
	catchUp          bool // it has connected anew
	on               map[string]bool
}

// inLimit is how many wait for the dispatcher, of 8 KB at most. The listener waits then, and
// PostgreSQL keeps the rest.
const inLimit = 1024

func (b *Bus) push(it item) bool {
	select {
	case b.in <- it:
		return true
	case <-b.ctx.Done():
		return false
	}
}

// dispatcher is the goroutine that calls all Receivers, so that they see one order.
type dispatcher struct {
	*Bus
	last  int64 // number of the last entry of the log that was handed out
	begun bool
}

func (b *Bus) dispatch() {
	d := dispatcher{Bus: b}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case it := <-b.in:
			if it.ready {
				d.ready(it)
				continue
			}
			d.notifications(it)
		case <-b.settle:
			d.expire()
		case <-tick.C:
			d.expire()
		case <-b.ctx.Done():
			return
		}
	}
}

// expire ends entries that have failed, or that the log does not return.
func (d *dispatcher) expire() {
	now := time.Now()
	for _, k := range d.all() {
		k.pending.run(now, 2*d.cfg.Timeout)
	}
}

// ready brings links up.
func (d *dispatcher) ready(it item) {
	if it.catchUp && d.cfg.Log != nil {
		if err := d.catchUp(); err != nil {
			d.fail(fmt.Errorf("postgres: reading the log: %w", err))
			notify(d.again)
			return
		}
	}
	for _, k := range d.all() {
		if it.on[k.channel] && !k.up.Swap(true) && !k.left.Load() {
			k.peer.Receiver.Up()
		}
	}
}

// arrival is a notification that was looked at.
type arrival struct {
	channel string
	payload []byte
	header
	links []*link // whom it concerns
}

const fetchBatch = 64

// notifications handles a notification, and others that are there already, so that their
// attachments come in one round trip.
func (d *dispatcher) notifications(it item) {
	list := make([]arrival, 0, 1)
	var next *item
collect:
	for {
		if a, ok := d.look(it); ok {
			list = append(list, a)
		}
		if len(list) == fetchBatch {
			break
		}
		select {
		case it = <-d.in:
			if it.ready {
				next = &it
				break collect
			}
		default:
			break collect
		}
	}
	d.deliver(list)
	if next != nil {
		d.ready(*next)
	}
}

// look reads the header of a notification. It returns false if there is nothing to do.
func (d *dispatcher) look(it item) (a arrival, ok bool) {
	a = arrival{channel: it.channel, payload: []byte(it.payload), links: d.on(it.channel)}
	if len(a.links) == 0 {
		return a, false
	}
	if !isObject(a.payload) {
		a.links[0].malformed(errNotObject)
		return a, false
	}
	var err error
	if a.header, err = parseHeader(a.payload); err != nil {
		a.links[0].malformed(err)
		return a, false
	}
	if d.cfg.Log == nil {
		a.offset = position{}
	}
	return a, true
}

// own reports whether a notification comes from the only link there is: then nobody needs the attachment.
func (a *arrival) own() bool { return len(a.links) == 1 && a.links[0].peer.UID == a.uid }

// deliver hands notifications to links, in order.
func (d *dispatcher) deliver(list []arrival) {
	var ids []int64
	for i := range list {
		if a := &list[i]; a.attachment != 0 && !a.own() {
			ids = append(ids, a.attachment)
		}
	}
	if len(ids) == 0 {
		for i := range list {
			d.handle(&list[i], list[i].payload)
		}
		return
	}
	// done counts those that were handed out: after an error the others are tried again.
	done := 0
	err := d.retry(func(ctx context.Context) error {
		var batch pgx.Batch
		for i := done; i < len(list); i++ {
			if a := &list[i]; a.attachment != 0 && !a.own() {
				batch.Queue(d.sql.fetch, a.attachment, d.cfg.MaxMessage)
			}
		}
		results := d.pool.SendBatch(ctx, &batch)
		defer func() { _ = results.Close() }()
		for done < len(list) {
			a := &list[done]
			if a.attachment == 0 || a.own() {
				d.handle(a, a.payload)
				done++
				continue
			}
			var data []byte
			var size *int64
			err := results.QueryRow().Scan(&data, &size)
			switch {
			case errors.Is(err, pgx.ErrNoRows):
				d.bad(a, errGone)
			case err != nil:
				return err
			case data == nil:
				d.bad(a, errSize)
			default:
				d.handle(a, data)
			}
			done++
		}
		return nil
	})
	if err == nil {
		return
	}
	for ; done < len(list); done++ {
		a := &list[done]
		if a.attachment == 0 || a.own() {
			d.handle(a, a.payload)
			continue
		}
		for _, k := range a.links {
			k.fail(&adapter.LostError{Count: 1, Err: fmt.Errorf("postgres: reading an attachment: %w", err)})
		}
	}
}

var (
	errGone = errors.New("postgres: the attachment is not there")
	errSize = errors.New("postgres: the attachment is too long, or there is none")
)

func (d *dispatcher) bad(a *arrival, err error) {
	d.seen(a.offset.id)
	a.links[0].malformed(err)
}

// retry tries something three times.
func (d *dispatcher) retry(f func(ctx context.Context) error) error {
	delay := backoffMin
	for n := 1; ; n++ {
		ctx, cancel := context.WithTimeout(d.ctx, d.cfg.Timeout)
		err := f(ctx)
		cancel()
		if err == nil || n == 3 || !pause(d.ctx, delay) {
			return err
		}
		delay *= 3
	}
}

// seen notes the number of an entry, and reports whether it is a new one.
func (d *dispatcher) seen(id int64) bool {
	if id <= d.last {
		return false
	}
	d.last = id
	return true
}

// handle hands a message to the links of its channel.
func (d *dispatcher) handle(a *arrival, data []byte) {
	offset := ""
	if a.offset.id != 0 {
		if !d.seen(a.offset.id) {
			return // it was in the log when that was read
		}
		offset = a.offset.String()
	}
	if a.own() {
		if offset != "" {
			a.links[0].pending.found(a.tag, offset)
		}
		return
	}
	var m *adapter.Message
	var err error
	for _, k := range a.links {
		if k.peer.UID == a.uid {
			if offset != "" {
				k.pending.found(a.tag, offset)
			}
			continue
		}
		if m == nil && err == nil {
			if m, err = parseMessage(k.peer.Namespace, data); err != nil {
				k.malformed(err)
				continue
			}
			m.Offset = offset
		}
		if m != nil && !k.left.Load() {
			k.peer.Receiver.Receive(m)
		}
	}
}

// catchUp reads what came to the log while nobody listened.
func (d *dispatcher) catchUp() error {
	return d.retry(func(ctx context.Context) error {
		if !d.begun {
			err := d.pool.QueryRow(ctx, d.sql.last).Scan(&d.last)
			if isUndefinedTable(err) {
				if err = d.sql.setup(ctx, d.pool); err == nil {
					err = d.pool.QueryRow(ctx, d.sql.last).Scan(&d.last)
				}
			}
			d.begun = err == nil
			return err
		}
		byNamespace := make(map[string]string)
		names := []string{}
		for _, k := range d.all() {
			if _, ok := byNamespace[k.peer.Namespace]; !ok {
				byNamespace[k.peer.Namespace] = k.channel
				names = append(names, k.peer.Namespace)
			}
		}
		return d.entries(ctx, d.last, names, func(r *row) bool {
			a := arrival{channel: byNamespace[r.nsp], payload: r.payload, links: d.on(byNamespace[r.nsp])}
			a.uid, a.tag, a.offset = r.uid, uint64(r.tag), position{r.id, r.ms} //nolint:gosec // a count
			if len(a.links) > 0 {
				d.handle(&a, r.payload)
			}
			return true
		})
	})
}

// row is an entry of the log.
type row struct {
	id, ms, tag int64
	nsp, uid    string
	payload     []byte // nil: too long
}

// entries reads the entries of namespaces behind one, until yield returns false.
func (b *Bus) entries(ctx context.Context, after int64, nsp []string, yield func(r *row) bool) error {
	limit := int64(b.cfg.MaxMessage)
	if limit <= 0 {
		limit = math.MaxInt32
	}
	rows, err := b.pool.Query(ctx, b.sql.since, after, limit, nsp)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.id, &r.ms, &r.nsp, &r.uid, &r.tag, &r.payload); err != nil {
			return err
		}
		if r.payload != nil && !yield(&r) {
			return nil
		}
	}
	return rows.Err()
}

func isUndefinedTable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == undefinedTable
}
