package quorum

// Vote is one voter's answer.
type Vote uint8

const (
	// Unknown is a voter that couldn't be understood: a time-out or a broken connection. It
	// is neither yes nor no, since the request may have been carried out all the same.
	Unknown Vote = iota
	// No is a refusal.
	No
	// Yes is a consent.
	Yes
)

func (v Vote) String() string {
	switch v {
	case No:
		return "no"
	case Yes:
		return "yes"
	default:
		return "unknown"
	}
}

// Result is what a [Tally] says so far.
type Result uint8

const (
	// Pending means that the votes still missing can decide it either way.
	Pending Result = iota
	// Won means that a majority said yes.
	Won
	// Lost means that a majority can no longer say yes.
	Lost
)

func (r Result) String() string {
	switch r {
	case Won:
		return "won"
	case Lost:
		return "lost"
	default:
		return "pending"
	}
}

// Majority returns the smallest number of voters of which any two sets share a voter: n/2+1.
func Majority(n int) int { return n/2 + 1 }

// Tally counts the votes on one question. It is pure data and not safe for concurrent use.
type Tally struct {
	electorate Electorate
	cast       []ballotPaper
	open       int
	result     Result
}

// ballotPaper is what became of a voter's vote.
type ballotPaper uint8

const (
	blank   ballotPaper = iota // not cast yet
	against                    // a no, or unknown
	inFavour
)

// NewTally returns the tally of a question to n voters. It panics if n is less than 1.
func NewTally(n int) *Tally { return NewJointTally(All(n)) }

// NewJointTally returns the tally of a question to an electorate.
func NewJointTally(e Electorate) *Tally {
	return &Tally{electorate: e, cast: make([]ballotPaper, e.Voters()), open: e.Voters()}
}

// Cast counts the vote of a voter, numbered from 0, and returns the result so far. The first
// vote of a voter stands, and so does a result once it is [Won] or [Lost]: whoever acted on
// it can't be told otherwise later.
func (t *Tally) Cast(voter int, v Vote) Result {
	if t.cast[voter] != blank {
		return t.result
	}
	t.cast[voter] = against
	if v == Yes {
		t.cast[voter] = inFavour
	}
	t.open--
	if t.result == Pending {
		t.result = t.decide()
	}
	return t.result
}

func (t *Tally) decide() Result {
	switch {
	case t.electorate.Majority(func(voter int) bool { return t.cast[voter] == inFavour }):
		return Won
	case t.electorate.Blocked(func(voter int) bool { return t.cast[voter] == against }):
		return Lost
	default:
		return Pending
	}
}

// Open returns how many voters haven't voted yet.
func (t *Tally) Open() int { return t.open }

// Result returns the result so far.
func (t *Tally) Result() Result { return t.result }
