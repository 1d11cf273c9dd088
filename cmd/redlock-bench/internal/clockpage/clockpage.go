// Package clockpage lets the harness bend the clock of a client. No library can be loaded into a Go program to do that, so
// a client that takes part reads the difference from a file, the page, whenever it reads its clock, and counts that there.
package clockpage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"time"
)

// Bend is how a client's clock differs from the host's boot clock: by Offset at Anchor, and by Drift more for each
// unit of time since.
type Bend struct {
	Anchor, Offset time.Duration
	Drift          float64
}

// At is what the bent clock shows when the host's shows host.
func (b Bend) At(host time.Duration) time.Duration {
	return host + b.Offset + time.Duration(float64(host-b.Anchor)*b.Drift)
}

// Host is what the host's clock shows when the bent one shows reading.
func (b Bend) Host(reading time.Duration) time.Duration {
	return b.Anchor + time.Duration(float64(reading-b.Offset-b.Anchor)/(1+b.Drift))
}

// AtRate is b with another rate from the host's time now on, and no jump.
func (b Bend) AtRate(now time.Duration, rate float64) Bend {
	return Bend{Anchor: now, Offset: b.At(now) - now, Drift: rate - 1}
}

// The page has the bend between two copies of a number that grows, and then how often it was read by that number.
const (
	sequence = 0
	body     = 8
	again    = body + 3*8
	readings = again + 8
	size     = readings + 2*8
)

// Page is the file. Its methods may not be called concurrently, but two processes may each have it.
type Page struct {
	file  *os.File
	bend  Bend
	count int64 // of readings
}

// Create makes a page at path whose clock is the host's.
func Create(path string) (*Page, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &Page{file: file}, errors.Join(file.Truncate(size))
}

// Open opens a page that [Create] made.
func Open(path string) (*Page, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &Page{file: file}, nil
}

// Close closes the file.
func (p *Page) Close() error { return p.file.Close() }

// Bend is the one that was set last, by this process.
func (p *Page) Bend() Bend { return p.bend }

// Set has the client's clock follow b.
func (p *Page) Set(b Bend) error {
	var number [8]byte
	if _, err := p.file.ReadAt(number[:], sequence); err != nil {
		return err
	}
	next := binary.NativeEndian.Uint64(number[:]) + 1
	page := binary.NativeEndian.AppendUint64(nil, next)
	page = binary.NativeEndian.AppendUint64(page, uint64(b.Anchor))
	page = binary.NativeEndian.AppendUint64(page, uint64(b.Offset))
	page = binary.NativeEndian.AppendUint64(page, math.Float64bits(b.Drift))
	page = binary.NativeEndian.AppendUint64(page, next)
	_, err := p.file.WriteAt(page, sequence)
	p.bend = b
	return err
}

// Read returns what was set, and notes that it was read.
func (p *Page) Read() (Bend, error) {
	var page [readings]byte
	for {
		if _, err := p.file.ReadAt(page[:], sequence); err != nil {
			return Bend{}, err
		}
		field := func(at int) uint64 { return binary.NativeEndian.Uint64(page[at:]) }
		if field(sequence) != field(again) {
			continue // it's being written
		}
		p.count++
		note := binary.NativeEndian.AppendUint64(nil, field(sequence))
		note = binary.NativeEndian.AppendUint64(note, uint64(p.count))
		_, err := p.file.WriteAt(note, readings)
		return Bend{time.Duration(field(body)), time.Duration(field(body + 8)), math.Float64frombits(field(body + 16))}, err
	}
}

// Followed returns how often the client has read the page in all, and whether the last time was since it was last set.
func (p *Page) Followed() (times int64, now bool, err error) {
	var page [size]byte
	if _, err := p.file.ReadAt(page[:], sequence); err != nil {
		return 0, false, fmt.Errorf("clockpage: %w", err)
	}
	field := func(at int) uint64 { return binary.NativeEndian.Uint64(page[at:]) }
	return int64(field(readings + 8)), field(readings) == field(sequence), nil
}
