package htmlreport

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/cmd/internal/effect"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/experiment"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/scenario"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ms = time.Millisecond

// example is a short history of everything that a timeline can show: client 2 takes the lock from
// client 1, which is stopped, and both believe in it from 30 to 60 ms.
func example() *history.History {
	from := 1000 * ms
	at := func(d time.Duration) time.Duration { return from + d*ms }
	return &history.History{
		Nodes: 3, Clients: []string{"client 1", "client 2"}, TTL: 50 * ms, Start: from, End: at(70),
		Operations: []history.Operation{
			{Client: "client 1", Op: protocol.Acquire, Lease: 1, Invoked: at(1), Returned: at(10), OK: true, Token: "mine", Fence: 41, ValidUntil: at(60)},
			{Client: "client 2", Op: protocol.Acquire, Lease: 1, Invoked: at(11), Returned: at(13), Error: "held by another"},
			{Client: "client 2", Op: protocol.Acquire, Lease: 2, Invoked: at(20), Returned: at(30), OK: true, Token: "yours", Fence: 42, ValidUntil: at(90)},
			{Client: "client 1", Op: protocol.Write, Lease: 1, Invoked: at(50)},
		},
		Writes: []history.Write{
			{Client: "client 2", Lease: 2, Register: history.Plain, At: at(40), Fence: 42, Accepted: true},
			{Client: "client 2", Lease: 2, Register: history.Fenced, At: at(40), Fence: 42, Accepted: true},
			{Client: "client 1", Lease: 1, Register: history.Plain, At: at(55), Fence: 41, Accepted: true},
			{Client: "client 1", Lease: 1, Register: history.Fenced, At: at(55), Fence: 41},
		},
		Faults: []effect.Proof{
			{Target: "client 1", Fault: "paused", Began: at(12), Seen: at(14), Change: effect.Change{State: effect.Stopped, Clients: []int{0}}},
			{Target: "node B", Fault: "paused", Began: at(14), Seen: at(15), Change: effect.Change{State: effect.Stopped, Node: "B"}},
			{Target: "node B", Fault: "crashed", Began: at(16), Seen: at(17), Change: effect.Change{State: effect.Down, Node: "B"}},
			{Target: "links", Fault: "cut", Began: at(16), Seen: at(18), Change: effect.Change{State: effect.CutOff, Node: "A", Clients: []int{0, 1}}},
			{Target: "links", Fault: "end of cut", Began: at(25), Seen: at(26), Change: effect.Change{State: effect.CutOff, Over: true, Node: "A", Clients: []int{0, 1}}},
			{Target: "node C", Fault: "jump", Began: at(26), Seen: at(27), Change: effect.Change{State: effect.Bent, Node: "C", Detail: "+10s"}},
			{Target: "node C", Fault: "jump", Began: at(35), Seen: at(36), Change: effect.Change{State: effect.Bent, Node: "C", Detail: "+20s"}},
			{Target: "client 1", Fault: "resumed", Began: at(48), Seen: at(49), Change: effect.Change{State: effect.Stopped, Over: true, Clients: []int{0}}},
			{Target: "node B", Fault: "restarted", Began: at(60), Seen: at(61), Change: effect.Change{State: effect.Down, Over: true, Node: "B"}},
			{Target: "node C", Fault: "lost every key", Began: at(62), Seen: at(63), Change: effect.Change{Node: "C"}},
		},
		Demands: []history.Demand{{At: at(65), What: "an answer"}},
		Keys: []history.Key{
			{Node: "A", Value: "mine", From: at(5), Until: at(60)},
			{Node: "C", Value: "yours", From: at(28), Until: at(70)},
			{Node: "C", Value: "somebody's", From: at(20), Until: at(22)},
		},
		Notes: []history.Note{
			{At: at(66), What: "late"},
			{At: at(14), What: "client 1 was paused", Fault: true},
			{At: at(65), What: "demanded: an answer: refused"},
		},
	}
}

// recorded reads a history that package check is tested with.
func recorded(t *testing.T, name string) *history.History {
	data, err := os.ReadFile(filepath.Join("..", "check", "testdata", name+".json"))
	require.NoError(t, err)
	var file struct{ History *history.History }
	require.NoError(t, json.Unmarshal(data, &file))
	return file.History
}

// exampleRun is a run of three experiments: one as expected, one not, and one that failed.
func exampleRun(t *testing.T) Run {
	classic := outcome(t, "clock-jump", "classic", recorded(t, "violated/clock-jump-classic"), nil)
	surprise := outcome(t, "clock-jump", "guarded", example(), nil)
	failed := outcome(t, "control", "guarded", nil, os.ErrDeadlineExceeded)
	outcomes := []*experiment.Outcome{classic, surprise, failed}
	return Run{
		Report: report.New("embedded", 3, 7, outcomes), Outcomes: outcomes,
		Date:     time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC),
		Versions: []string{"redlock-bench v1"},
		Command:  "redlock-bench run --seed 7",
		Repeat:   func(scenario, subject string) string { return "repeat " + scenario + " " + subject },
		Watch:    10 * ms,
	}
}

func outcome(t *testing.T, scenarioName, subjectName string, h *history.History, err error) *experiment.Outcome {
	s, findErr := scenario.Find(scenarioName)
	require.NoError(t, findErr)
	sub, findErr := subject.Find(subjectName)
	require.NoError(t, findErr)
	o := &experiment.Outcome{Spec: experiment.Spec{Scenario: s, Subject: sub}, Expected: s.Expect(sub), History: h, Err: err}
	if h != nil {
		o.Judgement = check.Judge(h)
	} else {
		o.Judgement = check.Judgement{Exclusion: check.Unknown, Fencing: check.Unknown, Availability: check.None}
	}
	return o
}
