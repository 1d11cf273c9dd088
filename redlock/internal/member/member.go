// Package member is the part of package redlock that keeps two configurations apart: which set of voters a voter
// votes for, and what it takes to begin or change that. It's pure: it has no clock, context or connection.
//
// Any two majorities of one set share a voter, and that's what excludes. Majorities of two sets may have none in
// common. So each voter remembers one set, with the generation of the decision for it, and votes only for lockers that
// count a majority of that set: those that have this set alone, and those that join two sets, of which it's one.
// docs/design.md has the argument.
package member

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/a5bbb083/redlock/quorum"
)

// Set is a set of voters: their names, in no order that matters.
type Set struct {
	ID    string // short, made of the names
	Names []string
}

// NewSet returns the set of voters with these names.
func NewSet(names []string) Set {
	sorted := slices.Sorted(slices.Values(names))
	sum := sha256.Sum256([]byte(strings.Join(sorted, "\n")))
	return Set{ID: hex.EncodeToString(sum[:8]), Names: sorted}
}

func (s Set) String() string { return strings.Join(s.Names, ", ") }

// Pending is a From that nobody has said yet.
const Pending = -1

// Known is what a voter knows of the set that it votes for. The zero value is a voter that knows of none.
type Known struct {
	Set
	// Generation counts the decisions. 0 is a claim: a locker has asked for the set, and it isn't decided.
	Generation int64
	// From is the agreed time, in µs since the Unix epoch, from which lockers with this set alone are served; [Pending] while
	// nobody has said. Of a claim it's from when on a majority may decide it.
	From int64
	// Replaces is, while From is pending, the ID of the set that this one is to replace: locks of lockers with that set alone may be held.
	Replaces string
}

// Blank reports whether the voter knows of no set.
func (k Known) Blank() bool { return k.ID == "" }

// Decided reports whether the voter votes for the set.
func (k Known) Decided() bool { return k.Generation > 0 }

// Changing reports whether the voter is being led from another set to the one that it knows.
func (k Known) Changing() bool { return k.Decided() && k.From == Pending }

// String is how a voter stores it: "ID GENERATION FROM NAME,NAME". While From is pending it's - and what the set replaces.
func (k Known) String() string {
	if k.Blank() {
		return ""
	}
	names := make([]string, len(k.Names))
	for i, n := range k.Names {
		names[i] = strings.ReplaceAll(n, ",", "%2C")
	}
	return fmt.Sprintf("%s %d %s %s", k.ID, k.Generation, k.since(), strings.Join(names, ","))
}

func (k Known) since() string {
	if k.From == Pending {
		return "-" + k.Replaces
	}
	return strconv.FormatInt(k.From, 10)
}

// Parse reads what a voter has stored.
func Parse(text string) (Known, error) {
	if text == "" {
		return Known{}, nil
	}
	parts := strings.SplitN(text, " ", 4)
	if len(parts) != 4 {
		return Known{}, fmt.Errorf("redlock: not a set of voters: %q", text)
	}
	generation, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return Known{}, fmt.Errorf("redlock: not a set of voters: %q: %w", text, err)
	}
	from := int64(Pending)
	replaces, pending := strings.CutPrefix(parts[2], "-")
	if !pending {
		replaces = ""
		if from, err = strconv.ParseInt(parts[2], 10, 64); err != nil {
			return Known{}, fmt.Errorf("redlock: not a set of voters: %q: %w", text, err)
		}
	}
	names := strings.Split(parts[3], ",")
	for i, n := range names {
		names[i] = strings.ReplaceAll(n, "%2C", ",")
	}
	return Known{Set: Set{ID: parts[0], Names: names}, Generation: generation, From: from, Replaces: replaces}, nil
}

// View is what was heard of one voter.
type View struct {
	Heard bool
	// Mute voters can't remember a set: Redis Clusters.
	Mute  bool
	Known Known
}

// Electorate is a set, and which of a locker's voters are in it.
type Electorate struct {
	Set
	Voters []int
}

// majority reports whether so many of its voters are one.
func (e Electorate) majority(n int) bool { return n >= quorum.Majority(len(e.Voters)) }

// count returns how many of its voters are like that.
func (e Electorate) count(views []View, like func(View) bool) int {
	n := 0
	for _, voter := range e.Voters {
		if like(views[voter]) {
			n++
		}
	}
	return n
}

// Config is a locker's: one set, or two while it joins them, the own first.
type Config []Electorate

// Has reports whether a set is one of the locker's.
func (c Config) Has(id string) bool {
	return slices.ContainsFunc(c, func(e Electorate) bool { return e.ID == id })
}

// Covers reports whether a voter that knows k votes for nobody whom this locker's majorities wouldn't exclude: k's set is one of its own, and, until a
// change is complete, so is the one that it replaces.
func (c Config) Covers(k Known) bool { return c.Has(k.ID) && (!k.Changing() || c.Has(k.Replaces)) }

// Foreign returns which voters may vote for lockers that this one's majorities don't exclude: by decisions that it doesn't cover. A decision that was
// made before one that is complete, and that a majority of the locker's set remembers, counts no more: its voter has only missed what came after. So
// does one from before a change between the locker's own two sets, which wouldn't have begun otherwise.
func (c Config) Foreign(views []View) []bool {
	inForce, ok := c.InForce(views)
	complete := ok && !inForce.Changing()
	begun := int64(0)
	for _, v := range views {
		if v.Known.Changing() && c.Covers(v.Known) {
			begun = max(begun, v.Known.Generation)
		}
	}
	foreign := make([]bool, len(views))
	for voter, v := range views {
		k := v.Known
		behind := complete && (k.Generation < inForce.Generation || k.Generation == inForce.Generation && k.ID == inForce.ID) || k.Generation < begun
		foreign[voter] = k.Decided() && !c.Covers(k) && !behind
	}
	return foreign
}

// Tell is something to tell a voter.
type Tell struct {
	Voter int
	Known Known
}

// Now is what time it is, at the least and at the most, in µs since the Unix epoch.
type Now struct{ Earliest, Latest int64 }

// InForce returns the latest decision for one of the locker's sets that a majority of that very set remembers.
func (c Config) InForce(views []View) (k Known, ok bool) {
	for _, e := range c {
		for _, voter := range e.Voters {
			its := views[voter].Known
			same := func(v View) bool { return v.Heard && v.Known.ID == its.ID && v.Known.Generation == its.Generation }
			if !views[voter].Heard || its.ID != e.ID || !its.Decided() || its.Generation < k.Generation || !e.majority(e.count(views, same)) {
				continue
			}
			if k.Generation < its.Generation || k.From == Pending {
				k = its
			}
			ok = true
		}
	}
	return k, ok
}

// latest returns the latest decision for one of the locker's sets that a voter of that very set remembers, and whether
// all that remember one agree, those of other sets included.
func (c Config) latest(views []View) (k Known, agreed bool) {
	agreed = true
	first := Known{}
	for voter, v := range views {
		if !v.Heard || !v.Known.Decided() {
			continue
		}
		if !first.Decided() {
			first = v.Known
		}
		agreed = agreed && v.Known.ID == first.ID && v.Known.Generation == first.Generation
		for _, e := range c {
			later := v.Known.Generation > k.Generation || v.Known.Generation == k.Generation && k.From == Pending
			if e.ID == v.Known.ID && slices.Contains(e.Voters, voter) && later {
				k = v.Known
			}
		}
	}
	return k, agreed
}

// remind returns whom to tell what others remember. A change is complete when all voters have confirmed it, but for those that
// are gone for good. So whoever remembers a decision has missed no later one, and those that know of none
// may be told, unless others remember another. Those that do are told by a majority only, and only of a change that's complete: half a
// change may still be taken back.
func (c Config) remind(views []View) []Tell {
	k, agreed := c.latest(views)
	majority := false
	if inForce, ok := c.InForce(views); ok && inForce.Generation >= k.Generation {
		k, majority = inForce, inForce.From != Pending
	}
	if !k.Decided() || (!agreed && !majority) {
		return nil
	}
	var tells []Tell
	for voter, v := range views {
		unaware := !v.Known.Decided()
		outdated := majority && v.Known.Generation < k.Generation
		undated := v.Known.ID == k.ID && v.Known.Generation == k.Generation && v.Known.From == Pending && k.From != Pending
		if v.Heard && !v.Mute && (unaware || outdated || undated) {
			tells = append(tells, Tell{voter, k})
		}
	}
	return tells
}

// form returns whom to tell what, so that the locker's own set begins where none was ever decided.
//
// First each voter that knows of no set is claimed for this one, which it can be only once. The set is decided when all of its
// voters say so: then no other set with one of them can be. Where some aren't heard it's decided by a majority of claims
// that nobody has contradicted for as long as wait.
func (c Config) form(views []View, now Now, wait int64) []Tell {
	own := c[0]
	claim := func(v View) bool { return v.Heard && v.Known.ID == own.ID }
	foreign := own.count(views, func(v View) bool { return v.Heard && !v.Known.Blank() && v.Known.ID != own.ID })
	absent := own.count(views, func(v View) bool { return !v.Heard && !v.Mute })
	blank := own.count(views, func(v View) bool { return v.Heard && !v.Mute && v.Known.Blank() })
	young := own.count(views, func(v View) bool { return claim(v) && v.Known.From > now.Earliest })
	if foreign > 0 {
		return nil
	}
	decided := blank == 0 && own.majority(own.count(views, claim)) && (absent == 0 || young == 0)
	var tells []Tell
	for _, voter := range own.Voters {
		switch v := views[voter]; {
		case !v.Heard || v.Mute:
		case decided:
			tells = append(tells, Tell{voter, Known{Set: own.Set, Generation: 1}})
		case v.Known.Blank():
			tells = append(tells, Tell{voter, Known{Set: own.Set, From: now.Latest + wait}})
		}
	}
	return tells
}

// Decide returns whom to tell what after hearing the voters.
func (c Config) Decide(views []View, now Now, wait int64) []Tell {
	for _, v := range views {
		if v.Heard && v.Known.Decided() {
			return c.remind(views)
		}
	}
	return c.form(views, now, wait)
}
