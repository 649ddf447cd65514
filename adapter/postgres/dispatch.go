// SPDX-License-Identifier: MIT

package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sio-go/sio/adapter"
)

// item is what the listener hands to the dispatcher: a notification, or that it listens.
type item struct {
	channel, payload string
	ready            bool
	catchUp          bool // it has connected anew
	on               map[string]bool
	turn             uint64
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
	log follower
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
	if it.turn != d.turn.Load() {
		return // that connection is lost already
	}
	if it.catchUp && d.cfg.Log != nil && !d.catchUp() {
		return
	}
	for _, k := range d.all() {
		if it.on[k.channel] && k.up != it.turn && !k.left.Load() {
			k.up = it.turn
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
	for ; err != nil && done < len(list); done++ {
		switch a := &list[done]; {
		case a.attachment == 0 || a.own():
			d.handle(a, a.payload)
		case a.offset.id != 0:
			d.catchUp() // it is in the log, too
		default:
			for _, k := range a.links {
				k.fail(&adapter.LostError{Count: 1, Err: fmt.Errorf("postgres: reading an attachment: %w", err)})
			}
		}
	}
}

var (
	errGone = errors.New("postgres: the attachment is not there")
	errSize = errors.New("postgres: the attachment is too long, or there is none")
)

func (d *dispatcher) bad(a *arrival, err error) {
	if a.offset.id != 0 {
		d.catchUp() // it is in the log, too
		return
	}
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

// handle hands a message to the links of its channel.
func (d *dispatcher) handle(a *arrival, data []byte) {
	offset := ""
	if a.offset.id != 0 {
		if !d.log.fresh(a.offset.id) {
			return
		}
		offset = a.offset.String()
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
