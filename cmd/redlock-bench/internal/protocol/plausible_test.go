package protocol

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPlausible(t *testing.T) {
	const sent, received = 10 * time.Second, 11 * time.Second
	good := Reply{ID: 3, OK: true, Token: "t", Fence: 5, Invoked: sent, Returned: received, Counters: &Counters{}}
	for name, c := range map[string]struct {
		op      Op
		fencing bool
		spoil   func(*Reply)
		want    string // part of the error; "" for none
	}{
		"good":                    {Acquire, true, func(*Reply) {}, ""},
		"within the slack":        {Acquire, true, func(r *Reply) { r.Invoked -= time.Millisecond; r.Returned += time.Millisecond }, ""},
		"readings skewed by 19ms": {Acquire, true, func(r *Reply) { r.Invoked -= 19 * time.Millisecond; r.Returned -= 19 * time.Millisecond }, "it was sent at"},
		"and the other way":       {Acquire, true, func(r *Reply) { r.Invoked += 19 * time.Millisecond; r.Returned += 19 * time.Millisecond }, "answered by"},
		"believes for two TTLs":   {Extend, true, func(r *Reply) { r.ValidUntil = received + 6*time.Second }, ""},
		"believes for longer":     {Extend, true, func(r *Reply) { r.ValidUntil = received + 6*time.Second + 2*time.Millisecond }, "valid until 6.002s after the reply, more than two TTLs of 3s"},
		"believes for ever":       {Check, true, func(r *Reply) { r.ValidUntil = 1<<63 - 1 }, "more than two TTLs"},
		"believes in the past":    {Check, true, func(r *Reply) { r.ValidUntil = 1 }, ""},
		"believes before time":    {Check, true, func(r *Reply) { r.ValidUntil = -1 }, "negative"},
		"lost in the future":      {Check, true, func(r *Reply) { r.LostAt = received + 2*time.Millisecond }, "lost 2ms after the reply"},
		"lost before time":        {Check, true, func(r *Reply) { r.LostAt = -1 }, "negative"},
		"good without fencing":    {Acquire, false, func(r *Reply) { r.Fence = 0 }, ""},
		"refused":                 {Acquire, true, func(r *Reply) { r.OK, r.Token, r.Fence = false, "", 0 }, ""},
		"greeting needs no times": {Hello, true, func(r *Reply) { r.Invoked, r.Returned = 0, 0 }, ""},
		"wrong id":                {Check, true, func(r *Reply) { r.ID = 4 }, "id 4"},
		"began before sent":       {Check, true, func(r *Reply) { r.Invoked -= Slack + 1 }, "it was sent at"},
		"over before it began":    {Check, true, func(r *Reply) { r.Invoked, r.Returned = received, sent }, "it was sent at"},
		"over after the reply":    {Check, true, func(r *Reply) { r.Returned += Slack + 1 }, "answered by"},
		"no times":                {Check, true, func(r *Reply) { r.Invoked, r.Returned = 0, 0 }, "it was sent at"},
		"no token":                {Acquire, true, func(r *Reply) { r.Token = "" }, "without a token"},
		"no fencing token":        {Acquire, true, func(r *Reply) { r.Fence = 0 }, "fencing token 0"},
		"negative fencing token":  {Acquire, true, func(r *Reply) { r.Fence = -1 }, "fencing token -1"},
		"unannounced fencing":     {Acquire, false, func(*Reply) {}, "fencing token 5"},
		"read without counters":   {Read, true, func(r *Reply) { r.Counters = nil }, "without counters"},
		"failed read":             {Read, true, func(r *Reply) { r.OK, r.Counters = false, nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			reply := good
			c.spoil(&reply)
			err := Request{ID: 3, Op: c.op, Now: sent}.Plausible(reply, received, Terms{c.fencing, 3 * time.Second})
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

// TestAWorkerWithoutATTLIsNotBounded shows that a bound needs something to be measured by.
func TestAWorkerWithoutATTLIsNotBounded(t *testing.T) {
	reply := Reply{ID: 1, OK: true, Invoked: time.Second, Returned: time.Second, ValidUntil: time.Hour}
	assert.NoError(t, Request{ID: 1, Op: Check, Now: time.Second}.Plausible(reply, time.Second, Terms{}))
}

func TestPlausibleUses(t *testing.T) {
	greeting := Request{ID: 1, Op: Hello, Config: &Config{Nodes: []string{"a", "b", "c"}}}
	for name, c := range map[string]struct {
		uses []int
		want string
	}{
		"all":       {nil, ""},
		"one":       {[]int{2}, ""},
		"too high":  {[]int{0, 3}, "uses node 3; there are 0 to 2"},
		"below 0":   {[]int{-1}, "uses node -1"},
		"one twice": {[]int{1, 1}, "uses node 1 twice"},
	} {
		t.Run(name, func(t *testing.T) {
			err := greeting.Plausible(Reply{ID: 1, OK: true, Uses: c.uses}, 0, Terms{})
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}
