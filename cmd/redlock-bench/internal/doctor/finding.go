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

// checks are all checks, in the order of a report. A check gives no verdict on a node that it
// can't tell anything about.
var checks = []struct {
	name  string
	nodes func(*examination) []*voter
	judge func(*examination, *voter) []verdict
	// quorum judges the nodes together.
	quorum func(*examination) []Finding
}{
	{name: "reachable", nodes: (*examination).all, judge: judgeReachable},
	{name: "quorum", quorum: judgeQuorum},
	{name: "independent", quorum: judgeIndependence},
	{name: "role", nodes: (*examination).reached, judge: judgeRole},
	{name: "version", nodes: (*examination).reached, judge: judgeVersion},
	{name: "mode", nodes: (*examination).reached, judge: judgeMode},
	{name: "commands", nodes: (*examination).masters, judge: judgeCommands},
	{name: "enrolment", nodes: (*examination).masters, judge: judgeMarker},
	{name: "persistence", nodes: (*examination).masters, judge: judgePersistence},
	{name: "eviction", nodes: (*examination).masters, judge: judgeEviction},
	{name: "memory", nodes: (*examination).masters, judge: judgeMemory},
	{name: "clients", nodes: (*examination).masters, judge: judgeClients},
	{name: "answers", nodes: (*examination).reached, judge: judgeAnswers},
	{name: "clock", nodes: (*examination).reached, judge: judgeClock},
	{name: "rate", nodes: (*examination).reached, judge: judgeRate},
}

// findings runs all checks. What several nodes have in common is one finding.
func (e *examination) findings() []Finding {
	var all []Finding
	for _, check := range checks {
		var found []Finding
		if check.quorum != nil {
			found = check.quorum(e)
		} else {
			for _, v := range check.nodes(e) {
				for _, verdict := range check.judge(e, v) {
					found = merge(found, Finding{Level: verdict.level, Nodes: []int{v.number}, Found: verdict.found, Change: verdict.change})
				}
			}
		}
		for i := range found {
			found[i].Check = check.name
		}
		all = append(all, found...)
	}
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
