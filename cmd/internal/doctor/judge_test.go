package doctor

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
)

// server is a voter that says this of itself, as lines of INFO.
func server(info string) *voter {
	return &voter{node: node{number: 1, user: "locker"}, facts: facts{info: parseFields(info), settings: map[string]string{}}}
}

type judgement struct {
	level Level
	found string
}

// judged gives the verdicts on one voter in a form that can be compared.
func judged(judge func(*examination, *voter) []verdict, v *voter) []judgement {
	var all []judgement
	for _, verdict := range judge(&examination{config: Config{TTL: 10 * time.Second}}, v) {
		all = append(all, judgement{verdict.level, verdict.found})
	}
	return all
}

// assertJudged compares the levels, and looks for the words in what was found.
func assertJudged(t *testing.T, judge func(*examination, *voter) []verdict, v *voter, want ...judgement) {
	t.Helper()
	got := judged(judge, v)
	if !assert.Len(t, got, len(want), "%+v", got) {
		return
	}
	for i := range want {
		assert.Equal(t, want[i].level, got[i].level, got[i].found)
		assert.Contains(t, got[i].found, want[i].found)
	}
}

func TestJudgeRole(t *testing.T) {
	assertJudged(t, judgeRole, server("role:master"), judgement{OK, "master"})
	assertJudged(t, judgeRole, server("role:master\r\nloading:1"), judgement{Error, "is loading its data"})
	assertJudged(t, judgeRole, server("role:master\r\nconnected_slaves:2"), judgement{Note, "2 replicas"})
	assertJudged(t, judgeRole, server("role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379"), judgement{Error, "a replica of 10.0.0.1:6379"})
}

func TestJudgeVersion(t *testing.T) {
	for version, level := range map[string]Level{
		"2.8.24": Error, "3.2.12": Error, "4.0.14": Error, "5.0.0": OK, "7.0.15": OK, "255.255.255": OK, "10.1": OK, "": Warning, "unstable": Warning,
	} {
		assertJudged(t, judgeVersion, server("redis_version:"+version), judgement{level, ""})
	}
}

func TestJudgeMode(t *testing.T) {
	assertJudged(t, judgeMode, server("cluster_enabled:1"), judgement{Error, "in cluster mode"})
	assertJudged(t, judgeMode, server("cluster_enabled:0"), judgement{OK, "no cluster"})
}

func TestJudgePersistence(t *testing.T) {
	tests := map[string]struct {
		info, save, sync, rewrite string
		want                      judgement
	}{
		"nothing":                  {"aof_enabled:0", "", "always", "no", judgement{Note, "nothing is written to disk"}},
		"snapshots":                {"aof_enabled:0", "3600 1", "always", "no", judgement{Note, "snapshots only"}},
		"log":                      {"aof_enabled:1", "", "everysec", "no", judgement{Note, "appendfsync everysec"}},
		"log, no sync":             {"aof_enabled:1", "", "no", "no", judgement{Note, "up to 30 s"}},
		"log, always":              {"aof_enabled:1", "", "always", "no", judgement{OK, "a restart forgets nothing"}},
		"log, always, not rewrite": {"aof_enabled:1", "", "always", "yes", judgement{Note, "while the log is rewritten"}},
		"log on a full disk":       {"aof_enabled:1\r\naof_last_write_status:err", "", "always", "no", judgement{Error, "can't write its log"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			v := server(tt.info)
			v.settings = map[string]string{"save": tt.save, "appendfsync": tt.sync, "no-appendfsync-on-rewrite": tt.rewrite}
			assertJudged(t, judgePersistence, v, tt.want)
			assert.Equal(t, strings.HasPrefix(tt.want.found, "a restart forgets nothing"), v.durable())
		})
	}
	v := server("aof_enabled:0")
	v.settingsErr = errors.New("NOPERM")
	assertJudged(t, judgePersistence, v, judgement{Note, "some locks or all"})
}

func TestJudgeEviction(t *testing.T) {
	for _, policy := range []string{"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"} {
		assertJudged(t, judgeEviction, server("maxmemory:100\r\nmaxmemory_policy:"+policy), judgement{Error, policy})
		assertJudged(t, judgeEviction, server("maxmemory:0\r\nmaxmemory_policy:"+policy), judgement{Note, policy})
	}
	assertJudged(t, judgeEviction, server("maxmemory:100\r\nmaxmemory_policy:noeviction"), judgement{OK, ""})
	assertJudged(t, judgeEviction, server("maxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\nevicted_keys:7"), judgement{Error, "7 keys have been evicted"})
}

func TestJudgeLimits(t *testing.T) {
	assertJudged(t, judgeMemory, server("used_memory:79\r\nmaxmemory:100"), judgement{OK, "less than 80 %"})
	assertJudged(t, judgeMemory, server("used_memory:80\r\nmaxmemory:100"), judgement{Warning, "80 % of maxmemory"})
	assertJudged(t, judgeClients, server("connected_clients:79\r\nmaxclients:100"), judgement{OK, "less than 80 %"})
	assertJudged(t, judgeClients, server("connected_clients:80\r\nmaxclients:100"), judgement{Warning, "80 of at most 100"})
	assertJudged(t, judgeClients, server("connected_clients:80"))
}

func TestWithoutInfoNothingIsMadeUp(t *testing.T) {
	v := &voter{facts: facts{infoErr: errors.New("NOPERM")}}
	assertJudged(t, judgeRole, v, judgement{Warning, "unknown: NOPERM"})
	for _, judge := range []func(*examination, *voter) []verdict{judgeVersion, judgeMode, judgePersistence, judgeEviction, judgeMemory, judgeClients} {
		assertJudged(t, judge, v)
	}
}

func TestJudgeMarker(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	v := server("run_id:aaa")
	v.marker = marker{known: true, runID: "aaa", until: now, longest: 10 * time.Second, now: now}
	assertJudged(t, judgeMarker, v, judgement{OK, "votes"})
	v.marker.until = now.Add(6500 * ms)
	assertJudged(t, judgeMarker, v, judgement{Note, "waits for up to 7s more"})
	v.marker.longest = time.Minute
	assertJudged(t, judgeMarker, v, judgement{Note, "waits for up to 7s more"}, judgement{Note, "locks of up to 1m0s"})
	v.marker.until = time.Time{}
	assertJudged(t, judgeMarker, v, judgement{Note, "nobody has told it"})
	v.marker.until, v.marker.runID = now.Add(-time.Hour), "bbb"
	assertJudged(t, judgeMarker, v, judgement{Note, "it waits for 1m0.5s"})
	v.info = nil // a user without INFO can't tell
	v.marker.longest = time.Second
	assertJudged(t, judgeMarker, v, judgement{OK, "votes"})
}

func TestParseMarker(t *testing.T) {
	m, err := parseMarker([]any{"abc", "7", "1000000", "2500"})
	assert.NoError(t, err)
	assert.Equal(t, marker{known: true, runID: "abc", until: time.Unix(1, 0), longest: 2500 * ms}, m)
	m, err = parseMarker([]any{nil, nil, nil, nil})
	assert.NoError(t, err)
	assert.Equal(t, marker{}, m)
	for _, values := range [][]any{{"abc", "7", "soon", "1"}, {"abc", "7", "1", "long"}, {"abc", "7", "1", nil}} {
		_, err = parseMarker(values)
		assert.ErrorContains(t, err, "not a number")
	}
}

// answering is a voter whose answers took these times.
func answering(times ...time.Duration) *voter {
	v := server("")
	for _, d := range times {
		v.samples = append(v.samples, clockdrift.Sample{Received: d})
	}
	return v
}

func TestJudgeAnswers(t *testing.T) {
	assertJudged(t, judgeAnswers, answering(ms, 250*ms), judgement{OK, "250ms by default"})
	assertJudged(t, judgeAnswers, answering(ms, 251*ms), judgement{Warning, "the slowest answer took 251ms"})
	v := answering(ms, 300*ms)
	v.lost, v.lostErr = 2, errors.New("i/o timeout")
	v.info["latest_fork_usec"] = "400000"
	assertJudged(t, judgeAnswers, v, judgement{Warning, "2 of 4 questions had no answer; the last: i/o timeout"},
		judgement{Warning, "300ms"}, judgement{Note, "stopped the server for 400ms"})
	v.samples = nil
	assertJudged(t, judgeAnswers, v, judgement{Error, "2 of 2 questions"}, judgement{Note, "fork"})
}

func TestRecommendations(t *testing.T) {
	recommended := func(ttl time.Duration, voters ...*voter) []string {
		e := &examination{config: Config{TTL: ttl}}
		for _, v := range voters {
			e.voters = append(e.voters, *v)
		}
		var options []string
		for _, r := range e.recommend() {
			options = append(options, r.Option)
		}
		return options
	}
	assert.Equal(t, []string{"redlock.WithTTL(10 * time.Second)", "redlock.WithNodeTimeout(20 * time.Millisecond)", "redlock.WithDriftFactor(0.01)"},
		recommended(10*time.Second, answering(ms), answering(ms)), "floors")
	assert.Equal(t, []string{"redlock.WithTTL(5100 * time.Millisecond)", "redlock.WithNodeTimeout(255 * time.Millisecond)", "redlock.WithDriftFactor(0.01)"},
		recommended(time.Second, answering(ms), answering(51*ms)), "the slowest node counts")
	assert.Equal(t, "redlock.WithTTL(1 * time.Second)", recommended(100*ms, answering(ms))[0])
	assert.Empty(t, recommended(time.Second, answering()), "nothing was measured")
}

// A recommendation that the next run would contradict says so.
func TestRecommendationTellsItsSpread(t *testing.T) {
	why := func(times ...time.Duration) string {
		e := &examination{config: Config{TTL: 10 * time.Second}, voters: []voter{*answering(times...)}}
		return e.recommend()[1].Why
	}
	steady, unsteady := make([]time.Duration, 50), make([]time.Duration, 50)
	for i := range steady {
		steady[i], unsteady[i] = 10*ms, 10*ms
	}
	unsteady[25] = 30 * ms
	assert.Equal(t, "5 times the slowest node's p99 (10ms), and at least 20ms; each fifth of the watch comes to 50ms", why(steady...))
	assert.Equal(t, "5 times the slowest node's p99 (30ms), and at least 20ms; the fifths of the watch come to 50ms to 150ms: answer times vary, so watch longer (--duration 1m) before you rely on it", why(unsteady...))
	assert.Contains(t, why(10*ms), "each fifth of the watch comes to 50ms", "parts without an answer say nothing")
}

// Whoever reads only the beginning has read the worst.
func TestWorstFindingsComeFirst(t *testing.T) {
	gone := voter{node: node{number: 2}}
	gone.err = errors.New("connection refused")
	healthy := *answering(ms)
	healthy.number = 1
	e := &examination{config: Config{TTL: 10 * time.Second}, voters: []voter{healthy, gone}}
	found := e.findings()
	require.Greater(t, len(found), 3)
	assert.Equal(t, Error, found[0].Level)
	assert.Equal(t, OK, found[len(found)-1].Level)
	assert.True(t, slices.IsSortedFunc(found, func(a, b Finding) int { return slices.Index(severity, a.Level) - slices.Index(severity, b.Level) }))
}

func TestHostsAreTold(t *testing.T) {
	at := func(number int, id string, addresses ...string) voter {
		v := server("run_id:" + id + "\r\nmaster_replid:r" + id)
		v.number, v.addresses = number, addresses
		return *v
	}
	e := &examination{voters: []voter{at(1, "a", "10.0.0.1", "fd00::1"), at(2, "b", "fd00::1", "10.0.0.1"), at(3, "c", "10.0.0.3")}}
	found := judgeIndependence(e)
	if assert.Len(t, found, 1, "both addresses are one host") {
		assert.Equal(t, []int{1, 2}, found[0].Nodes)
		assert.Equal(t, Warning, found[0].Level)
	}
	e.voters = e.voters[1:]
	assert.Equal(t, []Finding{{Level: OK, Nodes: []int{2, 3}, Found: "different servers, data sets and hosts"}}, judgeIndependence(e))
}
