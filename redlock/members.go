package redlock

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// Any two majorities of one list of nodes share a voter. Majorities of two lists may not, so each voter remembers for which set of
// voters it votes, and refuses lockers that have another. Package member decides what a voter may be told.

const (
	maxVoterName = 128 // bytes
	maxGroup     = 64  // bytes
)

// WithVoterNames gives the nodes names, in the order in which the nodes are given. A locker's set of voters is its group's name
// and these, so lockers that spell the addresses of the same servers differently need them: by IP and host name, or through proxies of their
// own. So do nodes without an address, such as those that Sentinel manages, which are numbered otherwise. Errors, hooks and
// [VoterState] call the nodes so. Without this option a node's name is its address, as the client has it. A name has at most 128
// bytes, and no spaces or control characters. A server that takes another's place in the set needs a name of its own.
func WithVoterNames(names ...string) Option { return func(o *options) { o.names = names } }

// WithGroup names the quorum, so that a server can be a voter of several, each with a set of its own: orders on A, B and C, billing on
// A, D and E. Locks of two groups don't exclude each other, and are best given names that differ, for
// they share the servers' keys. The name has at most 64 letters, digits, dots, hyphens and underscores; the default is none.
func WithGroup(name string) Option { return func(o *options) { o.group = name } }

func (o *options) checkMembers() error {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(".-_", r))
	}
	if len(o.group) > maxGroup || strings.ContainsFunc(o.group, func(r rune) bool { return !plain(r) }) {
		return fmt.Errorf("%w: group %q; use at most %d letters, digits, dots, hyphens and underscores", ErrInvalidOption, o.group, maxGroup)
	}
	for i, name := range o.names {
		odd := strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
		if name == "" || len(name) > maxVoterName || odd {
			return fmt.Errorf("%w: name %q of node %d; use 1 to %d bytes without spaces and control characters", ErrInvalidOption, name, i+1, maxVoterName)
		}
	}
	return nil
}

// members is who the voters are.
type members struct {
	config     member.Config
	electorate quorum.Electorate
	// For the scripts: the field of the marker, and the ids of the own set and of one that the locker joins. They're of type any, so
	// that requests needn't allocate them.
	field, own, joined any
}

// electorate says which voters make a decision.
func (l *Locker) electorate() quorum.Electorate { return l.members.electorate }

// needed returns how many voters make a majority: of the larger set, where there are two.
func (l *Locker) needed() int {
	n := 0
	for _, set := range l.electorate().Sets() {
		n = max(n, quorum.Majority(len(set)))
	}
	return n
}

// appendTo adds the arguments that say for whom the locker asks, where the voter minds.
func (m *members) appendTo(args []any, kind voterKind) []any {
	if kind != guardedVoter || m == nil {
		return args
	}
	return append(args, m.field, m.own, m.joined)
}

// knowSet waits until the voters have been told for whom they vote, at first contact.
func (l *Locker) knowSet(ctx context.Context) {
	if !l.guard.Forming() {
		return
	}
	select {
	case <-l.admission():
	case <-ctx.Done():
	}
}

// tellSets tells voters for which set they vote, as far as what was heard in one look allows. What a voter replies counts at
// once: a set that all have been claimed for is decided in the same breath.
func (l *Locker) tellSets(ctx context.Context, heard quorum.Outcome[reply]) {
	views, numbers := make([]member.View, len(l.voters)), make([]int64, len(l.voters))
	for voter, a := range heard.Answers {
		views[voter].Mute = !l.voters[voter].guarded()
		if m := a.Reply.marker; a.Heard && a.Err == nil && m != nil && m.Number != 0 {
			views[voter].Heard, views[voter].Known, numbers[voter] = true, m.Known, m.Number
		}
	}
	for range 3 { // claim, decide, remind
		now, known := l.guard.Now()
		if !known {
			return
		}
		tells := l.members.config.Decide(views, member.Now{Earliest: int64(now.Earliest), Latest: int64(now.Latest)}, l.options.maxTTL.Microseconds())
		if len(tells) == 0 {
			return
		}
		l.tell(ctx, tells, numbers, views)
	}
}

// tell tells voters, and notes in views what they reply. Who doesn't reply in time counts as not heard.
func (l *Locker) tell(ctx context.Context, tells []member.Tell, numbers []int64, views []member.View) {
	ballots := make([]*quorum.Ballot[*request, reply], len(tells))
	for i, t := range tells {
		ballots[i] = l.start(quorum.Poll[*request, reply]{
			Request: &request{op: opTell, fence: numbers[t.Voter], known: t.Known.String(), members: l.members},
			Voters:  []int{t.Voter},
			Timeout: l.options.nodeTimeout,
			Until:   time.Now().Add(l.options.nodeTimeout),
			Urgent:  true,
			Seen:    func(_ int, a quorum.Answer[reply]) quorum.Reaction { return quorum.Reaction{Vote: vote(a)} },
			Settled: func(_ *request, o quorum.Outcome[reply]) bool { return o.Answers[t.Voter].Heard },
		})
	}
	for i, t := range tells {
		a := ballots[i].Wait(ctx).Answers[t.Voter]
		views[t.Voter].Heard = a.Heard && a.Err == nil
		if views[t.Voter].Heard {
			views[t.Voter].Known = *a.Reply.known
		}
	}
}

// hearSets asks the voters for whom they vote, where a refusal is news: the error is to name the set.
func (l *Locker) hearSets(ctx context.Context, o quorum.Outcome[reply]) {
	for voter, a := range o.Answers {
		if a.Heard && a.Err == nil && a.Reply.status == statusWrongQuorum && l.otherSet(voter) == nil {
			l.look(ctx, l.options.nodeTimeout, nil)
			return
		}
	}
}

// otherSet says that a voter votes for another set than the locker's; nil if that isn't known.
func (l *Locker) otherSet(voter int) error {
	if l.guard == nil {
		return nil
	}
	k := l.guard.View(voter).Known
	if k.Blank() || l.members.config.Has(k.ID) {
		return nil
	}
	if !k.Decided() {
		return fmt.Errorf("another locker has claimed it for the voters %v, which aren't decided on; give all lockers the same list, and decide with Form", k.Set)
	}
	return votesFor(k)
}

// membershipAdvice is what to do about [ErrMembership].
func (l *Locker) membershipAdvice() string {
	return fmt.Sprintf("this locker's voters are %s: give all lockers the same list, WithVoterNames where only the spelling differs, or another WithGroup; to replace servers, see Joining and redlock quorum change", l.sets())
}

// sets names the locker's set of voters, or both.
func (l *Locker) sets() string {
	c := l.members.config
	if len(c) == 2 {
		return fmt.Sprintf("%v, joining %v", c[0].Set, c[1].Set)
	}
	return c[0].Set.String()
}

// undecided says why a voter doesn't vote yet, where that's because it doesn't know for whom; nil otherwise.
func (l *Locker) undecided(voter int) error {
	v := l.guard.View(voter)
	if !v.Heard || v.Mute {
		return nil
	}
	if k := v.Known; k.Decided() {
		if k.Changing() && l.members.config.Has(k.ID) && !l.members.config.Covers(k) {
			return errors.New("its voters are being replaced, and until that's complete it serves only lockers that join the old list and the new one; see redlock quorum change")
		}
		return nil
	}
	return errors.New("it doesn't know yet for which voters it votes, and has to hear it from others; where none does, all of them have to answer, or a majority for MaxTTL")
}
