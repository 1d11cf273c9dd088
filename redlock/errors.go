package redlock

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors to compare with [errors.Is]. Failed operations on the voters return a
// [*QuorumError], which matches one of the first five.
var (
	// ErrNotAcquired means that the lock is held by another: enough voters answered, and too
	// many of them refused.
	ErrNotAcquired = errors.New("redlock: not acquired, held by another")
	// ErrNoQuorum means that too few voters answered to know. The operation may have been
	// carried out on some of them; what an attempt left behind is released.
	ErrNoQuorum = errors.New("redlock: no quorum")
	// ErrQuarantined means that too few voters may vote yet: some have just been enrolled, since they are
	// new, have restarted or were emptied, and may have forgotten locks. They vote again by themselves when
	// those must be over, after MaxTTL at the most; Lock and Do wait for it. It matches [ErrNoQuorum], too.
	ErrQuarantined = fmt.Errorf("%w, since voters are quarantined that may have forgotten locks (new, restarted or emptied ones; they vote again by themselves)", ErrNoQuorum)
	// ErrLost means that the lock is no longer held: its proven deadline has passed, a
	// majority of the voters doesn't hold it, or it was released before.
	ErrLost = errors.New("redlock: lock lost")
	// ErrHeldTooLong means that the lock was held for as long as [MaxHold] allows. It matches [ErrLost], too.
	ErrHeldTooLong = fmt.Errorf("%w: held for as long as MaxHold allows", ErrLost)
	// ErrUnfit means that a majority of the voters can never do it as things are: the kind of server, a right of its user,
	// or what the key holds is against it. Waiting doesn't help, and the error says what does. It matches
	// [ErrNoQuorum], too.
	ErrUnfit = errors.New("redlock: unfit for locks")
	// ErrMembership means that the voters vote for another set of voters than the locker's: its list of nodes isn't that of the
	// others. Majorities of two lists need have no voter in common, so one of them is refused. The error names both sets,
	// and what to do. It matches [ErrNoQuorum], too.
	ErrMembership = errors.New("redlock: not the voters' set of voters")
	// ErrReentrant means that work which holds a lock waits for the same lock. It would wait until its context ends.
	ErrReentrant = errors.New("redlock: locked already by the caller")
	// ErrInvalidName means that a lock can't have that name.
	ErrInvalidName = errors.New("redlock: invalid name")
	// ErrInvalidOption means that an option, or a combination of options, makes no sense.
	ErrInvalidOption = errors.New("redlock: invalid option")
	// ErrClosed means that the [Locker] was closed.
	ErrClosed = errors.New("redlock: locker closed")
)

// Outcome says what became of a request at one voter.
type Outcome uint8

const (
	// Failed: the voter answered with an error or couldn't be reached. The request may have
	// been carried out all the same.
	Failed Outcome = iota
	// TimedOut: no answer within the node time-out. The request may be carried out later.
	TimedOut
	// Granted: the voter did what it was asked.
	Granted
	// Held: the voter refused, since another holds the lock.
	Held
	// Gone: the voter refused, since nobody holds the lock there (any more).
	Gone
	// Unawaited: the voter hadn't answered when the others had decided the matter, or when the caller's context ended.
	Unawaited
	// Late: the voter granted, but the answers came when the validity window had closed.
	Late
	// Quarantined: the voter may have forgotten locks, by a restart for example, and doesn't
	// vote until they must have expired.
	Quarantined
	// ClockSuspect: the voter's clock is hours off the time that the others agree on; or too few
	// clocks agree for anybody to know what time it is.
	ClockSuspect
	// Unfit: the voter answered with an error that the same request will meet again and again, until
	// somebody changes the server, the user's rights or the key.
	Unfit
	// WrongQuorum: the voter votes for another set of voters than the locker's.
	WrongQuorum
)

var outcomeNames = [...]string{"error", "timeout", "granted", "held", "gone", "not awaited", "late", "quarantined", "clock suspect", "unfit", "wrong quorum"}

func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// NodeResult is what became of a request at one voter.
type NodeResult struct {
	// Node is the voter's address.
	Node string
	// Outcome is what it answered, if it did.
	Outcome Outcome
	// RTT is the time from the start of the operation to the answer; 0 without one.
	RTT time.Duration
	// Remaining is for how long the voter will go on to refuse: how long another's lock still
	// lives there, or how long the voter still has to wait. 0 if not known.
	Remaining time.Duration
	// Owner is what the holder calls itself where Outcome is [Held], as far as it's known; see [WithOwner].
	Owner string
	// Err is the cause where Outcome is [Failed], [Unfit], [ClockSuspect] or [WrongQuorum], and what is known of it where it's
	// [TimedOut] or [Quarantined].
	Err error
}

func (r NodeResult) String() string {
	s := r.Node + " " + r.Outcome.String()
	if r.Owner != "" {
		s += fmt.Sprintf(" by %q", r.Owner)
	}
	if r.Remaining > 0 {
		s += fmt.Sprintf(" for %v", r.Remaining)
	}
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

// QuorumError reports an operation that didn't find a majority, with the outcome at every
// voter. It matches, with [errors.Is], its reason ([ErrNotAcquired], [ErrNoQuorum] or
// [ErrLost]), the error of the caller's context if that ended the operation, and the causes
// at the voters.
type QuorumError struct {
	// Op is "acquire", "confirm", "extend", "release", "inspect" or "dial".
	Op string
	// Name is the lock's name; empty for "dial".
	Name string
	// Needed is the number of voters that make a majority. It's that of all voters where [RequireAll] is what made "dial" fail.
	Needed int
	// Nodes has an entry for every voter, in the order in which they were given.
	Nodes []NodeResult
	// Reason is the sentinel error that the operation amounts to.
	Reason error

	cause  error  // the context's error, or nil
	advice string // what to do about it; empty where each node says so
}

// Granted returns how many voters did what they were asked.
func (e *QuorumError) Granted() int {
	n := 0
	for _, r := range e.Nodes {
		if r.Outcome == Granted {
			n++
		}
	}
	return n
}

// Owner returns what the holder calls itself whose lock was in the way, see [WithOwner]; empty if that isn't known. Where the
// voters name several, it's the one that most of them name.
func (e *QuorumError) Owner() string {
	votes, owner := make(map[string]int), ""
	for _, r := range e.Nodes {
		if r.Owner == "" {
			continue
		}
		votes[r.Owner]++
		if votes[r.Owner] > votes[owner] || (votes[r.Owner] == votes[owner] && r.Owner < owner) {
			owner = r.Owner
		}
	}
	return owner
}

func (e *QuorumError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %s", e.Reason, e.Op)
	if e.Name != "" {
		fmt.Fprintf(&b, " %q", e.Name)
	}
	did := "granted"
	if e.Op == opDial || e.Op == opInspect.String() {
		did = "answered"
	}
	fmt.Fprintf(&b, ": %d of %d voters %s, %d needed", e.Granted(), len(e.Nodes), did, e.Needed)
	if e.cause != nil {
		fmt.Fprintf(&b, "; %v", e.cause)
	}
	for i, r := range e.Nodes {
		if i == 0 {
			b.WriteString(" (")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(r.String())
	}
	b.WriteString(")")
	if e.advice != "" {
		b.WriteString("; " + e.advice)
	}
	return b.String()
}

// Unwrap returns the reason and the causes.
func (e *QuorumError) Unwrap() []error {
	errs := []error{e.Reason}
	if e.Reason == ErrUnfit || e.Reason == ErrMembership {
		errs = append(errs, ErrNoQuorum)
	}
	if e.cause != nil {
		errs = append(errs, e.cause)
	}
	for _, r := range e.Nodes {
		if r.Err != nil {
			errs = append(errs, r.Err)
		}
	}
	return errs
}
