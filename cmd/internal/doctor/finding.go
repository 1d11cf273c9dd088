package doctor

import "slices"

// Level says how bad a finding is.
type Level string

// The levels, from the best to the worst.
const (
	// OK is as it should be.
	OK Level = "ok"
	// Note is worth knowing, and harms neither safety nor availability as things are.
	Note Level = "note"
	// Warning costs availability, or may break safety if something else happens too.
	Warning Level = "warning"
	// Error breaks the safety of locks, or keeps a node from voting at all.
	Error Level = "error"
)

// Finding is the verdict of one check on one or more nodes.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	// Nodes are those that it's about, numbered from 1 in the order of the config.
	Nodes []int `json:"nodes"`
	// Found is what was found, Change what to do about it; empty if nothing.
	Found  string `json:"found"`
	Change string `json:"change,omitempty"`
}

// verdict is a finding that doesn't know yet what it's about.
type verdict struct {
	level         Level
	found, change string
}

// checks are all checks.
var checks = []struct {
	name string
	run  func(*examination) []Finding
}{
	{"reachable", each((*examination).all, judgeReachable)},
	{"quorum", judgeQuorum},
	{"independent", judgeIndependence},
	{"role", each((*examination).reached, judgeRole)},
	{"version", each((*examination).reached, judgeVersion)},
	{"mode", each((*examination).reached, judgeMode)},
	{"commands", each((*examination).masters, judgeCommands)},
	{"lock", each((*examination).masters, judgeLock)},
	{"enrolment", each((*examination).masters, judgeMarker)},
	{"persistence", each((*examination).masters, judgePersistence)},
	{"eviction", each((*examination).masters, judgeEviction)},
	{"memory", each((*examination).masters, judgeMemory)},
	{"clients", each((*examination).masters, judgeClients)},
	{"answers", each((*examination).reached, judgeAnswers)},
	{"clock", each((*examination).reached, judgeClock)},
	{"rate", each((*examination).reached, judgeRate)},
}

// each makes a check of a judgement on single nodes. There is no verdict on a node that the
// judgement can't tell anything about; what several have in common is one finding.
func each(nodes func(*examination) []*voter, judge func(*examination, *voter) []verdict) func(*examination) []Finding {
	return func(e *examination) []Finding {
		var all []Finding
		for _, v := range nodes(e) {
			for _, verdict := range judge(e, v) {
				all = merge(all, Finding{Level: verdict.level, Nodes: []int{v.number}, Found: verdict.found, Change: verdict.change})
			}
		}
		return all
	}
}

// severity orders levels, the worst first.
var severity = []Level{Error, Warning, Note, OK}

// findings runs all checks. What's worst comes first, and what's equally bad in the order of the checks.
func (e *examination) findings() []Finding {
	var all []Finding
	for _, check := range checks {
		for _, f := range check.run(e) {
			f.Check = check.name
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return slices.Index(severity, a.Level) - slices.Index(severity, b.Level)
	})
	return all
}

// merge adds a finding, or just its nodes where the same is known of others.
func merge(all []Finding, f Finding) []Finding {
	same := func(o Finding) bool { return o.Level == f.Level && o.Found == f.Found && o.Change == f.Change }
	if i := slices.IndexFunc(all, same); i >= 0 {
		all[i].Nodes = append(all[i].Nodes, f.Nodes...)
		return all
	}
	return append(all, f)
}

func (e *examination) all() []*voter { return e.where(func(*voter) bool { return true }) }

// reached are the nodes that answered.
func (e *examination) reached() []*voter { return e.where(func(v *voter) bool { return v.err == nil }) }

// masters are the nodes that could take a lock. Of the others it's enough to say why not.
func (e *examination) masters() []*voter {
	return e.where(func(v *voter) bool { return v.err == nil && v.master() })
}

func (e *examination) where(wanted func(*voter) bool) []*voter {
	var some []*voter
	for i := range e.voters {
		if v := &e.voters[i]; wanted(v) {
			some = append(some, v)
		}
	}
	return some
}

// numbers lists nodes as findings do.
func numbers(voters []*voter) []int {
	all := make([]int, len(voters))
	for i, v := range voters {
		all[i] = v.number
	}
	return all
}
