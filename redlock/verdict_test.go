package redlock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
)

func TestJudge(t *testing.T) {
	const now = guard.Time(1_000_000_000)
	clock := guard.Span{Earliest: now, Latest: now + 500_000}
	heard := func(r reply) quorum.Answer[reply] { return quorum.Answer[reply]{Heard: true, Reply: r} }
	failed := func(err error) quorum.Answer[reply] { return quorum.Answer[reply]{Heard: true, Err: err} }
	in := func(d time.Duration) guard.Time { return now.After(d) }
	acquiring := circumstances{op: opAcquire, now: clock, maxTTL: 10 * time.Second}
	for _, tt := range []struct {
		name   string
		answer quorum.Answer[reply]
		change func(*circumstances)
		want   verdict
	}{
		{"granted", heard(reply{status: statusOK}), nil, verdict{outcome: Granted, bounded: true}},
		{"granted too late", heard(reply{status: statusOK}), func(c *circumstances) { c.late = true }, verdict{outcome: Late, bounded: true}},
		{"refused, and late for others", heard(reply{status: statusGone}), func(c *circumstances) { c.late = true }, verdict{outcome: Gone}},
		{"held by a record", heard(reply{status: statusHeld, until: in(time.Second), value: 7}), nil, verdict{outcome: Held, left: time.Second, bounded: true}},
		{"held by a record that's over", heard(reply{status: statusHeld, until: now}), nil, verdict{outcome: Held, bounded: true, over: true}},
		{"held by a key", heard(reply{status: statusHeld, value: 7}), nil, verdict{outcome: Held, left: 7 * time.Millisecond, bounded: true}},
		{"held by a key without a TTL", heard(reply{status: statusHeld, value: noTTL}), nil, verdict{outcome: Held}},
		{"without guards the key counts", heard(reply{status: statusHeld, value: 7, until: 1}), func(c *circumstances) { c.now = guard.Span{} },
			verdict{outcome: Held, left: 7 * time.Millisecond, bounded: true}},
		{"an extension waits for nobody", heard(reply{status: statusHeld, until: in(time.Second)}), func(c *circumstances) { c.op = opExtend }, verdict{outcome: Held}},
		{"quarantined", heard(reply{status: statusQuarantined, until: in(time.Minute)}), nil, verdict{outcome: Quarantined, left: time.Minute, bounded: true}},
		{"quarantined up to now", heard(reply{status: statusQuarantined, until: now}), nil, verdict{outcome: Quarantined, bounded: true, over: true}},
		{"quarantined without a date", heard(reply{status: statusQuarantined}), nil, verdict{outcome: Quarantined, left: 10 * time.Second}},
		{"a clock that's far off", heard(reply{status: statusAstray}), nil, verdict{outcome: ClockSuspect}},
		{"another set", heard(reply{status: statusWrongQuorum}), nil, verdict{outcome: WrongQuorum}},
		{"a status of a later version", heard(reply{status: -9}), nil, verdict{outcome: Failed}},
		{"an error", failed(errNoLock), nil, verdict{outcome: Failed}},
		{"an error that's there to stay", failed(errClusterMode), nil, verdict{outcome: Unfit}},
		{"a time-out of the connection", failed(context.DeadlineExceeded), nil, verdict{outcome: TimedOut}},
		{"its client is closed", failed(redis.ErrClosed), nil, verdict{outcome: Unfit}},
		{"not awaited", quorum.Answer[reply]{}, nil, verdict{outcome: Unawaited}},
		{"not awaited, and elsewhere", quorum.Answer[reply]{}, func(c *circumstances) { c.elsewhere = true }, verdict{outcome: WrongQuorum}},
		{"silent", quorum.Answer[reply]{}, func(c *circumstances) { c.expired = true }, verdict{outcome: TimedOut}},
		{"silent, and elsewhere", quorum.Answer[reply]{}, func(c *circumstances) { c.expired, c.elsewhere = true, true }, verdict{outcome: TimedOut}},
		{"the caller gave up", quorum.Answer[reply]{}, func(c *circumstances) { c.expired, c.cancelled = true, true }, verdict{outcome: Unawaited}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := acquiring
			if tt.change != nil {
				tt.change(&c)
			}
			assert.Equal(t, tt.want, judge(tt.answer, c))
		})
	}
}

func TestReason(t *testing.T) {
	for _, tt := range []struct {
		op   operation
		want error
		of   []Outcome
	}{
		{opAcquire, ErrNotAcquired, []Outcome{Held, Held, Granted}},
		{opAcquire, ErrNotAcquired, []Outcome{Held, Granted, TimedOut}},
		{opAcquire, ErrNoQuorum, []Outcome{Held, TimedOut, TimedOut}},
		{opAcquire, ErrNoQuorum, []Outcome{Granted, Failed, TimedOut}},
		{opAcquire, ErrQuarantined, []Outcome{Quarantined, Quarantined, Granted}},
		{opAcquire, ErrQuarantined, []Outcome{Quarantined, Held, Unawaited}},
		{opAcquire, ErrNoQuorum, []Outcome{Quarantined, TimedOut, Failed}},
		{opAcquire, ErrUnfit, []Outcome{Unfit, Unfit, Granted}},
		{opAcquire, ErrNoQuorum, []Outcome{Unfit, TimedOut, Granted}},
		{opAcquire, ErrMembership, []Outcome{WrongQuorum, TimedOut, Granted}},
		{opAcquire, ErrMembership, []Outcome{WrongQuorum, WrongQuorum, Held}},
		{opConfirm, ErrNoQuorum, []Outcome{Gone, Gone, Granted}},
		// A majority said yes, so it isn't the one that refused that was in the way.
		{opAcquire, ErrNoQuorum, []Outcome{Late, Late, Held}},
		{opAcquire, ErrNoQuorum, []Outcome{Late, Late, Quarantined}},
		{opAcquire, ErrNoQuorum, []Outcome{Late, Late, WrongQuorum}},
		{opExtend, ErrLost, []Outcome{Held, Gone, Granted}},
		{opExtend, ErrNoQuorum, []Outcome{Held, TimedOut, Granted}},
		{opExtend, ErrNoQuorum, []Outcome{WrongQuorum, TimedOut, Granted}},
		{opExtend, ErrNoQuorum, []Outcome{Late, Late, Gone}},
		{opInspect, ErrNoQuorum, []Outcome{Granted, TimedOut, TimedOut}},
		{opRelease, ErrNoQuorum, []Outcome{Held, Held, Held}},
	} {
		d := decision{op: tt.op}
		for _, o := range tt.of {
			d.verdicts = append(d.verdicts, verdict{outcome: o})
		}
		assert.Equal(t, tt.want, d.reason(quorum.All(3)), "%v: %v", tt.op, tt.of)
	}
}

// What counts while a ballot is under way and what is said of it afterwards agree, whatever the voters answer.
func TestVerdictsAgreeWithVotes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	statuses := []status{statusOK, statusHeld, statusGone, statusQuarantined, statusAstray, statusWrongQuorum}
	results := map[quorum.Result]int{}
	for range 20000 {
		n := 1 + random.IntN(5)
		all := quorum.All(n)
		d := decision{op: opAcquire}
		tally := quorum.NewTally(n)
		for voter := range n {
			a := quorum.Answer[reply]{Heard: random.IntN(5) > 0, Reply: reply{status: statuses[random.IntN(len(statuses))], value: 1}}
			if a.Heard && random.IntN(5) == 0 {
				a = quorum.Answer[reply]{Heard: true, Err: errReplica}
			}
			v := judge(a, circumstances{op: opAcquire})
			d.verdicts = append(d.verdicts, v)
			assert.Equal(t, v.outcome == Granted, vote(a) == quorum.Yes)
			assert.Equal(t, !a.Heard || a.Err != nil, vote(a) == quorum.Unknown)
			tally.Cast(voter, vote(a))
		}
		won := all.Majority(d.are(Granted))
		assert.Equal(t, tally.Result() == quorum.Won, won, fmt.Sprint(d.verdicts))
		results[tally.Result()]++
	}
	assert.Greater(t, results[quorum.Won], 100)
	assert.Greater(t, results[quorum.Lost], 100)
}
