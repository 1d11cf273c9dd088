package redlock

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/guard"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// The files in testdata at the top say what other languages have to do alike.

// vectors reads a file of JSON objects, one a line, with comments between them.
func vectors[T any](t *testing.T, file string) []T {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "testdata", file))
	require.NoError(t, err)
	var all []T
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		var v T
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		d.UseNumber()
		require.NoError(t, d.Decode(&v), "%s:%d", file, n)
		all = append(all, v)
	}
	require.NotEmpty(t, all)
	return all
}

func TestVectorsOfKeys(t *testing.T) {
	type vector struct {
		Name, Record, Tagged, Line, Refused string
		TaggedLine                          string `json:"tagged_line"`
		Slot                                int
		RefusedOnClusters                   string `json:"refused_on_clusters"`
	}
	for _, v := range vectors[vector](t, "keys.txt") {
		err := checkName(v.Name)
		if v.Refused != "" {
			require.ErrorIs(t, err, ErrInvalidName, v.Name)
			assert.ErrorContains(t, err, v.Refused)
			continue
		}
		require.NoError(t, err, v.Name)
		assert.Equal(t, v.Record, recordKey(v.Name, false))
		assert.Equal(t, v.Line, lineKey(v.Name, false))
		if v.RefusedOnClusters != "" {
			assert.ErrorContains(t, checkSlot(v.Name), v.RefusedOnClusters)
			continue
		}
		require.NoError(t, checkSlot(v.Name))
		assert.Equal(t, v.Tagged, recordKey(v.Name, true))
		assert.Equal(t, v.TaggedLine, lineKey(v.Name, true))
		assert.Equal(t, v.Slot, slot(v.TaggedLine), "the slot of %q", v.TaggedLine)
		assert.Equal(t, v.Slot, slot(v.Name), "the slot of %q", v.Name)
		assert.Equal(t, v.Slot, slot(v.Tagged), "the slot of %q", v.Tagged)
	}
	assert.ErrorIs(t, checkName(strings.Repeat("x", maxName+1)), ErrInvalidName)
}

func TestVectorsOfLeadVoters(t *testing.T) {
	type vector struct {
		Name         string
		Voters, Lead int
	}
	for _, v := range vectors[vector](t, "lead.txt") {
		assert.Equal(t, v.Lead, leadVoter(v.Name, v.Voters), v.Name)
	}
}

func TestVectorsOfVoters(t *testing.T) {
	type vector struct {
		Addresses, Names   []string
		ID, Text, Replaces string
		Generation         int64
		From               *int64
	}
	for _, v := range vectors[vector](t, "voters.txt") {
		var nodes []redis.UniversalClient
		for i := range max(len(v.Addresses), len(v.Names)) {
			addr := fmt.Sprintf("10.0.0.%d:6379", i+1)
			if v.Names == nil {
				addr = v.Addresses[i]
			}
			client := redis.NewClient(&redis.Options{Addr: addr})
			t.Cleanup(func() { assert.NoError(t, client.Close()) })
			nodes = append(nodes, client)
		}
		o := options{names: v.Names}
		require.NoError(t, o.checkMembers())
		r, err := o.enlist(nodes, nil)
		require.NoError(t, err)
		m := newMembers("", r)
		assert.Equal(t, v.ID, m.own)
		known := member.Known{Set: m.config[0].Set, Generation: v.Generation, From: member.Pending, Replaces: v.Replaces}
		if v.From != nil {
			known.From = *v.From
		}
		assert.Equal(t, v.Text, known.String())
		read, err := member.Parse(v.Text)
		require.NoError(t, err)
		assert.Equal(t, known, read)
	}
}

// slot is the hash slot of a key: CRC16 (XMODEM) of the hash tag, or of all without one, modulo 16384.
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model
func slot(key string) int {
	if _, after, found := strings.Cut(key, "{"); found {
		if tag, _, closed := strings.Cut(after, "}"); closed && tag != "" {
			key = tag
		}
	}
	crc := uint16(0)
	for _, c := range []byte(key) {
		crc ^= uint16(c) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			if crc <<= 1; carry {
				crc ^= 0x1021
			}
		}
	}
	return int(crc) % 16384
}

func TestVectorsOfRecords(t *testing.T) {
	type vector struct {
		Text, Token, Owner, Written, Refused string
		Register, Deadline                   int64
		Back                                 bool
	}
	parse := redis.NewScript(recordSource + `
local record = read(KEYS[1])
write(KEYS[1], record, tonumber(ARGV[1]), clock())
return {string.format('%.0f', record.register), record.token, string.format('%.0f', record.deadline), tostring(record.back), record.owner}`)
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		for _, v := range vectors[vector](t, "record.txt") {
			require.NoError(t, client.Set(t.Context(), "job:fence", v.Text, 0).Err())
			got, err := parse.Eval(t.Context(), client, []string{"job:fence"}, 86400000).StringSlice()
			if v.Refused != "" {
				require.ErrorContains(t, err, v.Refused, "%q", v.Text)
				v.Written = v.Text
			} else {
				require.NoError(t, err, "%q", v.Text)
				assert.Equal(t, []string{fmt.Sprint(v.Register), v.Token, fmt.Sprint(v.Deadline), fmt.Sprint(v.Back), v.Owner}, got, "%q", v.Text)
			}
			if v.Written == "" {
				v.Written = v.Text
			}
			assert.Equal(t, v.Written, client.Get(t.Context(), "job:fence").Val())
		}
	})
}

func TestVectorsOfDeadlines(t *testing.T) {
	type vector struct {
		ClockError int `json:"clock_error"`
		Drift      float64
		Replies    []*[3]int64
		Start, TTL int
		Earliest   guard.Time
		Latest     guard.Time
		Deadline   guard.Time
		ValidUntil int `json:"valid_until"`
	}
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, v := range vectors[vector](t, "deadline.txt") {
		clock := &manualClock{}
		o := options{clock: clock, driftFactor: v.Drift, maxClockError: ms(v.ClockError), nodeTimeout: 250 * time.Millisecond}
		g := guard.New(guard.Config{
			Clock: clock, Drift: v.Drift, MaxError: ms(v.ClockError), Bound: o.uncertainty(), Together: exchangeTimeout(o.nodeTimeout),
			Members: member.Config{{Voters: quorum.All(len(v.Replies)).Sets()[0]}},
		})
		for voter, r := range v.Replies {
			if r != nil {
				clock.now = ms(int(r[1]))
				g.Observe(voter, ms(int(r[0])), guard.Time(r[2]))
			}
		}
		now, known := g.At(ms(v.Start))
		require.True(t, known)
		assert.Equal(t, v.Earliest, now.Earliest)
		assert.Equal(t, v.Latest, now.Latest)
		assert.Equal(t, v.Deadline, now.Latest.After(ms(v.TTL)))
		valid := o.window(ms(v.Start), ms(v.TTL)).Deadline()
		assert.Equal(t, ms(v.ValidUntil), valid.Round(time.Microsecond))
		assert.LessOrEqual(t, valid, ms(v.ValidUntil), "rounded down")
	}
}

type manualClock struct{ now time.Duration }

var _ clockdrift.Clock = (*manualClock)(nil)

func (c *manualClock) Now() time.Duration { return c.now }

// scriptVector is a step in scripts.txt.
type scriptVector struct {
	Sequence  string
	Do        []any
	Script    string
	Keys      []string
	Argv      []any
	Reply     []any
	Means     string
	Error     string
	Stored    map[string]any
	Lives     map[string]int
	Published string
}

func TestVectorsOfScripts(t *testing.T) {
	sources := map[string]string{
		"grant": scripts[opAcquire].source, "confirm": scripts[opConfirm].source, "extend": scripts[opExtend].source,
		"release": scripts[opRelease].source, "enrol": scripts[opLook].source, "admit": scripts[opAdmit].source,
		"extendplain": scripts[opExtendPlain].source, "wait": scripts[opWait].source, "tell": scripts[opTell].source,
	}
	called, meant := map[string]bool{}, map[string]bool{}
	steps := vectors[scriptVector](t, "scripts.txt")
	onEachRedis(t, func(t *testing.T, client redis.UniversalClient) {
		run := sequence{client: client, sources: sources}
		heard := client.PSubscribe(t.Context(), "*")
		t.Cleanup(func() { assert.NoError(t, heard.Close()) })
		_, err := heard.Receive(t.Context())
		require.NoError(t, err)
		for _, s := range steps {
			called[s.Script], meant[s.Means] = true, true
			if !run.step(t, s) {
				t.Fatalf("in the sequence %q, at %+v", run.title, s)
			}
			if s.Published != "" {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				message, err := heard.ReceiveMessage(ctx)
				cancel()
				require.NoError(t, err)
				assert.Equal(t, s.Published, message.Channel)
			}
		}
	})
	for name := range sources {
		assert.True(t, called[name], "no vector for %s", name)
	}
	for s := status(-10); s <= statusOK; s++ {
		if outcome := meaningOf(s); outcome != Failed {
			assert.True(t, meant[outcome.String()], "no vector for the outcome %v", outcome)
		}
	}
}

// meaningOf is what a voter says with a status.
func meaningOf(s status) Outcome {
	return said(quorum.Answer[reply]{Heard: true, Reply: reply{status: s}})
}

// sequence runs steps on a server.
type sequence struct {
	client  redis.UniversalClient
	sources map[string]string
	title   string
	start   time.Time // by the server's clock
	runID   string
}

func (q *sequence) step(t *testing.T, s scriptVector) bool {
	t.Helper()
	ctx := t.Context()
	switch {
	case s.Sequence != "":
		q.title = s.Sequence
		require.NoError(t, q.client.FlushAll(ctx).Err())
		q.start = q.client.Time(ctx).Val()
		q.runID = field(q.client.Info(ctx, "server").Val(), "run_id")
		return q.runID != ""
	case s.Do != nil:
		require.NoError(t, q.client.Do(ctx, q.resolve(s.Do)...).Err())
		return true
	}
	before := q.client.Time(ctx).Val()
	reply, err := q.client.Eval(ctx, q.sources[s.Script], s.Keys, q.resolve(s.Argv)...).Slice()
	after := q.client.Time(ctx).Val()
	var ok bool
	if s.Error != "" {
		text, _ := serverText(err)
		ok = assert.Error(t, err) && assert.True(t, strings.HasPrefix(text, s.Error), "%v", err)
	} else {
		ok = assert.NoError(t, err) && assert.Len(t, reply, len(s.Reply)) && q.matches(t, s.Reply, reply, before, after)
	}
	if s.Means != "" {
		ok = assert.Equal(t, s.Means, meaningOf(status(reply[0].(int64))).String()) && ok
	}
	for key, want := range s.Stored {
		ok = q.holds(t, key, want) && ok
	}
	for key, want := range s.Lives {
		lives := q.client.PTTL(ctx, key).Val()
		ok = assert.InDelta(t, want-2500, lives.Milliseconds(), 2501, "PTTL of %s", key) && ok
	}
	return ok
}

// matches compares a reply with what's expected of it, which may say NOW or PTTL.
func (q *sequence) matches(t *testing.T, want, got []any, before, after time.Time) bool {
	t.Helper()
	for i, w := range want {
		text := fmt.Sprint(w)
		ahead, now := strings.CutPrefix(text, "NOW")
		switch {
		case now:
			d, err := time.ParseDuration(ahead + "0s")
			require.NoError(t, err)
			if !assert.GreaterOrEqual(t, got[i].(int64), before.Add(d).UnixMicro()) || !assert.LessOrEqual(t, got[i].(int64), after.Add(d).UnixMicro()) {
				return false
			}
		case text == "PTTL":
			if !assert.Positive(t, got[i].(int64)) {
				return false
			}
		default:
			if !assert.Equal(t, q.text(text), fmt.Sprint(got[i]), "element %d", i+1) {
				return false
			}
		}
	}
	return true
}

// holds compares what's at a key.
func (q *sequence) holds(t *testing.T, key string, want any) bool {
	t.Helper()
	switch want := want.(type) {
	case nil:
		return assert.Zero(t, q.client.Exists(t.Context(), key).Val(), "%s is there", key)
	case string:
		return assert.Equal(t, q.text(want), q.client.Get(t.Context(), key).Val(), key)
	default:
		fields := map[string]string{}
		for name, value := range want.(map[string]any) {
			fields[name] = q.text(value.(string))
		}
		if q.client.Type(t.Context(), key).Val() == "zset" {
			members := map[string]string{}
			for _, z := range q.client.ZRangeWithScores(t.Context(), key, 0, -1).Val() {
				members[z.Member.(string)] = strconv.FormatFloat(z.Score, 'f', -1, 64)
			}
			return assert.Equal(t, fields, members, key)
		}
		return assert.Equal(t, fields, q.client.HGetAll(t.Context(), key).Val(), key)
	}
}

func (q *sequence) resolve(values []any) []any {
	resolved := make([]any, len(values))
	for i, v := range values {
		resolved[i] = q.text(fmt.Sprint(v))
	}
	return resolved
}

var (
	moment  = regexp.MustCompile(`\bT(?:[+-]\d+(?:us|ms|s|m|h))*(?:$|\b)`)
	offset  = regexp.MustCompile(`[+-]\d+[a-z]+`)
	runWord = regexp.MustCompile(`\bRUN\b`)
)

// text puts times and the run id into their places.
func (q *sequence) text(s string) string {
	s = moment.ReplaceAllStringFunc(s, func(m string) string {
		t := q.start
		for _, part := range offset.FindAllString(m, -1) {
			d, err := time.ParseDuration(part)
			if err != nil {
				return err.Error()
			}
			t = t.Add(d)
		}
		return strconv.FormatInt(t.UnixMicro(), 10)
	})
	if s == "SERVER" {
		id, err := strconv.ParseInt(q.runID[:12], 16, 64)
		if err != nil {
			return err.Error()
		}
		return strconv.FormatInt(id, 10)
	}
	return runWord.ReplaceAllLiteralString(s, q.runID)
}
