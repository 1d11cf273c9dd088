package guard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

const maxTTL = 10 * time.Second

// stage is a guard of three voters, in a time that tests move.
type stage struct {
	*Guard
	now       time.Duration
	newcomers int
}

func newStage(mute ...int) *stage {
	s := &stage{}
	c := Config{
		Clock: clockdrift.ClockFunc(func() time.Duration { return s.now }),
		Drift: 0.01, MaxError: 250 * time.Millisecond, Bound: 1500 * time.Millisecond, MaxTTL: maxTTL, Together: time.Second,
		Members:  member.Config{{Set: member.NewSet([]string{"a", "b", "c"}), Voters: []int{0, 1, 2}}},
		Mute:     make([]bool, 3),
		Newcomer: func() { s.newcomers++ },
	}
	for _, voter := range mute {
		c.Mute[voter] = true
	}
	s.Guard = New(c)
	return s
}

const epoch = Time(1_700_000_000_000_000)

// hear lets voters tell the time, which is ahead by so much.
func (s *stage) hear(ahead ...time.Duration) {
	for voter, a := range ahead {
		s.Observe(voter, s.now, epoch.After(s.now+a))
	}
}

func TestTimeIsKnownFromAMajority(t *testing.T) {
	s := newStage()
	_, known := s.Now()
	assert.False(t, known, "nobody was heard")
	s.hear(0)
	_, known = s.Now()
	assert.False(t, known, "one may be wrong")
	s.hear(0, time.Millisecond, -time.Hour)
	now, known := s.Now()
	require.True(t, known)
	assert.Equal(t, Span{Earliest: epoch.After(-s.MaxError) - 1, Latest: epoch.After(s.MaxError) + 1}, now)

	ahead, known := s.Ahead(2)
	assert.True(t, known)
	assert.Equal(t, -time.Hour, ahead.Middle())
	off, known := s.Apart(2, 1)
	assert.True(t, known)
	assert.Equal(t, -time.Hour-time.Millisecond, off)

	s.now += time.Hour // at 1 % it's off by more than the bound
	_, known = s.Now()
	assert.False(t, known, "too long ago")
}

func TestTimeLeft(t *testing.T) {
	s := newStage()
	assert.Greater(t, s.Expected(epoch), 24*time.Hour, "nobody knows what time it is")
	s.hear(0, 0, 0)
	now, _ := s.Now()
	until := epoch.After(time.Second)
	assert.Equal(t, time.Second+s.MaxError+time.Microsecond, now.Left(until))
	assert.Equal(t, time.Second+s.MaxError, s.Expected(until))
	assert.Zero(t, now.Left(epoch.After(-time.Second)))
	assert.Zero(t, s.Expected(epoch.After(-time.Second)))
}

func TestWindowEndsWhereTheClockStoodStill(t *testing.T) {
	s := newStage()
	s.hear(0, 0, 0)
	now, _ := s.Now()
	w := clockdrift.NewWindow(s.now, maxTTL, 0.01)
	deadline := now.Latest.After(maxTTL)
	assert.Equal(t, w, s.Trust(w, deadline))

	s.now += time.Millisecond
	s.hear(time.Minute, time.Minute, time.Minute)
	assert.False(t, s.Trust(w, deadline).Open(s.now), "a minute has passed for everybody else")
	assert.False(t, s.Shorten(w, deadline).Open(s.now))
}

func TestWindowWithRepliesThatAreTooOld(t *testing.T) {
	s := newStage()
	s.hear(0, 0, 0)
	now, _ := s.Now()
	w := clockdrift.NewWindow(s.now, maxTTL, 0.01)
	deadline := now.Latest.After(maxTTL)
	s.now += 2 * time.Second
	assert.False(t, s.Trust(w, deadline).Open(s.now), "nothing shows whether the clock stood still")
	assert.Equal(t, w, s.Shorten(w, deadline), "what was believed in before is none the worse")
}

// marker is what a voter says that was enrolled, and votes from a moment on.
func marker(number int64, until Time, longest time.Duration) *Marker {
	return &Marker{Number: number, Until: until, Longest: longest}
}

func TestAdmissions(t *testing.T) {
	old := epoch.After(-time.Hour)
	farther := epoch.After(time.Hour)
	for _, tt := range []struct {
		name string
		mute []int
		said []*Marker
		want []Admission // less what's the same for all
	}{
		{"nobody is new", nil, []*Marker{marker(1, old, 0), marker(2, old, 0), marker(3, old, 0)}, nil},
		{"a newcomer", nil, []*Marker{marker(1, 0, 0), marker(2, old, 0), marker(3, old, 0)}, []Admission{{Voter: 0, Number: 1, Certain: true}}},
		{"another doesn't answer", nil, []*Marker{marker(1, 0, 0), nil, marker(3, old, 0)}, []Admission{{Voter: 0, Number: 1}}},
		{"no majority answers", nil, []*Marker{marker(1, 0, 0), nil, nil}, nil},
		{"not enrolled", nil, []*Marker{{}, marker(2, old, 0), marker(3, old, 0)}, nil},
		{"all are new", nil, []*Marker{marker(1, 0, 0), marker(2, 0, 0), marker(3, 0, 0)},
			[]Admission{{Voter: 0, Number: 1, Certain: true}, {Voter: 1, Number: 2, Certain: true}, {Voter: 2, Number: 3, Certain: true}}},
		{"a longer lock is in use", nil, []*Marker{marker(1, 0, 0), marker(2, old, time.Minute), marker(3, old, 0)},
			[]Admission{{Voter: 0, Number: 1, Longest: time.Minute, Certain: true}}},
		{"a wait that's too long", nil, []*Marker{marker(1, farther, 0), marker(2, old, 0), marker(3, old, 0)}, []Admission{{Voter: 0, Number: 1, Certain: true}}},
		{"a wait that may be too long", nil, []*Marker{marker(1, farther, 0), marker(2, old, 0), nil}, nil},
		// The lock of an hour may be on the newcomer and the cluster, which remembers no TTL.
		{"a wait that nobody but a cluster knows the reason of", []int{2}, []*Marker{marker(1, farther, 0), marker(2, old, 0), {}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(tt.mute...)
			assert.Empty(t, s.Admissions(tt.said), "nobody knows what time it is")
			s.hear(0, 0, 0)
			now, _ := s.Now()
			for i, a := range tt.want {
				tt.want[i].Until = now.Latest.After(max(a.Longest, maxTTL))
			}
			assert.Equal(t, tt.want, s.Admissions(tt.said))
		})
	}
}

func TestEnrolledAsksForAnAdmission(t *testing.T) {
	s := newStage()
	s.hear(0, 0, 0)
	now, _ := s.Now()
	s.Enrolled(0, *marker(1, 0, 0))
	assert.Equal(t, 1, s.newcomers, "nobody has said when")
	left, waits := s.Waits(s.Marker(0))
	assert.True(t, waits)
	assert.Equal(t, maxTTL, left)

	long := marker(1, now.Latest.After(time.Hour), 0)
	s.Enrolled(0, *long)
	assert.Equal(t, 2, s.newcomers, "so long is more than needed, as far as this locker knows")
	s.Admissions([]*Marker{long, marker(2, epoch, time.Hour), marker(3, epoch, 0)})
	s.Enrolled(0, *long)
	assert.Equal(t, 2, s.newcomers, "it's known to be needed")
	s.Enrolled(0, *marker(7, long.Until, 0))
	assert.Equal(t, 3, s.newcomers, "that was another enrolment")

	s.Enrolled(0, *marker(1, now.Earliest, 0))
	assert.Equal(t, 3, s.newcomers)
	_, waits = s.Waits(s.Marker(0))
	assert.False(t, waits)
	_, waits = s.Waits(s.Marker(1))
	assert.False(t, waits, "it wasn't heard of")
}

func TestForming(t *testing.T) {
	s := newStage(2)
	own, other := s.Members[0].Set, member.NewSet([]string{"a", "x", "y"})
	assert.False(t, s.Forming(), "nobody was heard")
	s.Told(0, member.Known{})
	assert.True(t, s.Forming(), "it waits to be told")
	s.Told(1, member.Known{Set: other, Generation: 1})
	assert.False(t, s.Forming(), "there's nothing to wait for")
	s.Told(0, member.Known{Set: own, Generation: 1})
	s.Told(1, member.Known{Set: own, Generation: 1})
	assert.False(t, s.Forming(), "a majority votes for the set")
	assert.Equal(t, 1, s.newcomers, "those who were undecided")
}

func TestOneServerOfTwoVoters(t *testing.T) {
	s := newStage()
	for _, step := range []struct {
		after time.Duration
		voter int
		id    ServerID
		other int
		twice bool
	}{
		{0, 0, 7, 0, false},
		{maxTTL, 1, 7, 0, true}, // a vote of then may count still
		{0, 0, 7, 0, false},
		{0, 1, 8, 0, false},
		{0, 2, 0, 0, false}, // nobody knows which server it is
		{0, 1, 0, 0, false},
		{maxTTL + 1, 1, 7, 0, false},
		{0, 0, 7, 1, true},
	} {
		s.now += step.after
		other, twice := s.Answered(step.voter, step.id)
		assert.Equal(t, step.twice, twice, "%+v", step)
		assert.Equal(t, step.other, other, "%+v", step)
	}
	s.now += 2 * maxTTL
	s.Answered(0, 9)
	assert.Len(t, s.servers, 1, "those that ended long ago are forgotten")
}
