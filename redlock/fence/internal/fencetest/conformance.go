// Package fencetest holds what every guard of package fence must pass, whatever it guards, and
// the servers that its tests run against.
package fencetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/redlock/fence"
)

// ErrFailed is the error of a write that was let through by its guard and then failed.
var ErrFailed = errors.New("fencetest: the write failed")

// Resource is a guarded store that keeps a log of entries per name.
type Resource struct {
	// Append adds entry to the log of name, behind the guard.
	Append func(ctx context.Context, name string, token int64, entry string) error

	// Fail does the same, but fails with ErrFailed after the guard has let it through.
	Fail func(ctx context.Context, name string, token int64, entry string) error

	// Log returns the entries of name in the order in which they were written. It bypasses
	// the guard and works after Close.
	Log func(t testing.TB, name string) []string

	// Close cuts the guard off from its store. Nil where nothing can.
	Close func()

	// RollsBack says that a failed write takes its token back.
	RollsBack bool
}

// Open returns a new, empty resource, with its guard made with opts.
type Open func(t *testing.T, opts ...fence.Option) Resource

// Run checks that the guard of open's resources means what package fence says it does.
func Run(t *testing.T, open Open) {
	t.Run("order of tokens", func(t *testing.T) { testOrder(t, open) })
	t.Run("largest tokens", func(t *testing.T) { testLargest(t, open) })
	t.Run("bad input", func(t *testing.T) { testBadInput(t, open) })
	t.Run("unknown name", func(t *testing.T) { testUnknownName(t, open) })
	t.Run("independent names", func(t *testing.T) { testIndependentNames(t, open) })
	t.Run("failed write", func(t *testing.T) { testFailedWrite(t, open) })
	t.Run("cancelled context", func(t *testing.T) { testCancelled(t, open) })
	t.Run("closed store", func(t *testing.T) { testClosed(t, open) })
	t.Run("concurrent writers", func(t *testing.T) { testConcurrent(t, open) })
}

// testContext bounds every wait of a test.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func testOrder(t *testing.T, open Open) {
	const accepted = 0
	steps := []struct {
		why   string
		token int64
		want  int64 // the highest token in the refusal, or accepted
	}{
		{"the first use of a name takes any token", 33, accepted},
		{"a holder may write twice", 33, accepted},
		{"a newer holder takes over", 34, accepted},
		{"the one before it is stale", 33, 34},
		{"and stays so", 33, 34},
		{"a refusal doesn't harm the holder", 34, accepted},
		{"tokens may have gaps", 1000, accepted},
		{"and nothing fits into them afterwards", 999, 1000},
		{"the lowest token of all", 1, 1000},
	}
	ctx, r := testContext(t), open(t)
	var want []string
	for i, step := range steps {
		entry := strconv.Itoa(i)
		err := r.Append(ctx, "account", step.token, entry)
		if step.want == accepted {
			require.NoError(t, err, step.why)
			want = append(want, entry)
		} else {
			requireStale(t, err, "account", step.token, step.want)
		}
		require.Equal(t, want, r.Log(t, "account"), step.why)
	}
}

func requireStale(t *testing.T, err error, name string, token, highest int64) {
	t.Helper()
	var stale *fence.StaleError
	require.ErrorAs(t, err, &stale)
	require.ErrorIs(t, err, fence.ErrStale)
	require.Equal(t, fence.StaleError{Name: name, Token: token, Highest: highest}, *stale)
}

// A store that keeps tokens as floating-point numbers, or prints them so, fails here.
func testLargest(t *testing.T, open Open) {
	ctx, r := testContext(t), open(t)
	require.NoError(t, r.Append(ctx, "account", fence.MaxToken-2, "a"))
	require.NoError(t, r.Append(ctx, "account", fence.MaxToken-1, "b"))
	requireStale(t, r.Append(ctx, "account", fence.MaxToken-2, "no"), "account", fence.MaxToken-2, fence.MaxToken-1)
	require.NoError(t, r.Append(ctx, "account", fence.MaxToken, "c"))
	requireStale(t, r.Append(ctx, "account", fence.MaxToken-1, "no"), "account", fence.MaxToken-1, fence.MaxToken)
	require.Equal(t, []string{"a", "b", "c"}, r.Log(t, "account"))
}

func testBadInput(t *testing.T, open Open) {
	longest := strings.Repeat("n", fence.MaxNameLen)
	tests := []struct {
		why   string
		name  string
		token int64
		want  error
	}{
		{"zero is a lock without fencing", "account", 0, fence.ErrInvalidToken},
		{"negative token", "account", -1, fence.ErrInvalidToken},
		{"most negative token", "account", -1 << 63, fence.ErrInvalidToken},
		{"token that a float64 can't hold", "account", fence.MaxToken + 1, fence.ErrInvalidToken},
		{"largest integer", "account", 1<<63 - 1, fence.ErrInvalidToken},
		{"empty name", "", 7, fence.ErrInvalidName},
		{"name a byte too long", longest + "n", 7, fence.ErrInvalidName},
	}
	ctx, r := testContext(t), open(t)
	for _, tt := range tests {
		require.ErrorIs(t, r.Append(ctx, tt.name, tt.token, "no"), tt.want, tt.why)
		require.Empty(t, r.Log(t, tt.name), tt.why)
	}
	require.NoError(t, r.Append(ctx, "account", 1, "yes"), "bad input must not raise the mark")
	require.NoError(t, r.Append(ctx, longest, 1, "yes"), "the longest name is good")
	require.Equal(t, []string{"yes"}, r.Log(t, longest))
}

func testUnknownName(t *testing.T, open Open) {
	ctx, r := testContext(t), open(t, fence.WithNames("account", "stock"))
	require.NoError(t, r.Append(ctx, "account", 7, "a"))
	require.NoError(t, r.Append(ctx, "stock", 7, "s"))
	err := r.Append(ctx, "acount", 7, "no")
	require.ErrorIs(t, err, fence.ErrUnknownName)
	require.ErrorContains(t, err, `"acount"`)
	require.Empty(t, r.Log(t, "acount"))
}

// The names are such as a store could take for one another: by collation, padding,
// encoding, hash tag, or as a pattern.
func testIndependentNames(t *testing.T, open Open) {
	names := []string{"a", "A", "a ", " a", "a\x00", "a\x00b", "{a}", "{a}b", "{}a", "a}", "tagged:{a}", "fence:{a}",
		"á", "a\u0301", "\xff", "\xfe", "%", "_", "'", `"`, `\`, "a/b", "1", "01"}
	ctx, r := testContext(t), open(t)
	for i, name := range names {
		// Falling tokens: each would be stale if its name were one of those before it.
		token := int64(len(names) - i)
		require.NoError(t, r.Append(ctx, name, token, "first"), "%q", name)
	}
	for i, name := range names {
		token := int64(len(names) - i)
		require.NoError(t, r.Append(ctx, name, token, "again"), "%q", name)
		if token > 1 {
			requireStale(t, r.Append(ctx, name, token-1, "no"), name, token-1, token)
		}
		require.Equal(t, []string{"first", "again"}, r.Log(t, name), "%q", name)
	}
}

func testFailedWrite(t *testing.T, open Open) {
	ctx, r := testContext(t), open(t)
	require.NoError(t, r.Append(ctx, "account", 5, "a"))
	require.ErrorIs(t, r.Fail(ctx, "account", 9, "no"), ErrFailed)
	requireStale(t, r.Fail(ctx, "account", 4, "no"), "account", 4, map[bool]int64{true: 5, false: 9}[r.RollsBack])
	require.Equal(t, []string{"a"}, r.Log(t, "account"))

	err, want := r.Append(ctx, "account", 6, "b"), []string{"a"}
	if r.RollsBack {
		require.NoError(t, err, "neither the write nor half a raise may remain")
		want = append(want, "b")
	} else {
		requireStale(t, err, "account", 6, 9)
	}
	require.NoError(t, r.Append(ctx, "account", 9, "c"), "the failed write's holder may try again")
	require.Equal(t, append(want, "c"), r.Log(t, "account"))
}

func testCancelled(t *testing.T, open Open) {
	r := open(t)
	require.NoError(t, r.Append(testContext(t), "account", 5, "a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.Append(ctx, "account", 6, "no"), context.Canceled)
	require.Equal(t, []string{"a"}, r.Log(t, "account"))
	require.NoError(t, r.Append(testContext(t), "account", 5, "b"), "its token must not count")
}

func testClosed(t *testing.T, open Open) {
	ctx, r := testContext(t), open(t)
	if r.Close == nil {
		return // a guard in memory has nothing to be cut off from
	}
	require.NoError(t, r.Append(ctx, "account", 5, "a"))
	r.Close()
	err := r.Append(ctx, "account", 6, "no")
	require.ErrorContains(t, err, "closed")
	require.NotErrorIs(t, err, fence.ErrStale)
	require.Equal(t, []string{"a"}, r.Log(t, "account"))
}

// Writers race with shuffled tokens. What the resource ends up with must be sorted, complete
// and end with the highest, whoever won which race.
func testConcurrent(t *testing.T, open Open) {
	const seed, writers, highest = 1, 8, 40
	names := []string{"account", "stock"}
	ctx, r := testContext(t), open(t)
	writes := shuffledWrites(seed, names, highest)

	var (
		wg       sync.WaitGroup
		mu       sync.Mutex
		accepted = map[string]int{}
	)
	for range writers {
		wg.Go(func() {
			for w := range writes {
				err := r.Append(ctx, w.name, w.token, strconv.FormatInt(w.token, 10))
				var stale *fence.StaleError
				switch {
				case err == nil:
					mu.Lock()
					accepted[w.name]++
					mu.Unlock()
				case assert.ErrorAs(t, err, &stale):
					assert.Greater(t, stale.Highest, w.token)
				}
			}
		})
	}
	wg.Wait()

	for _, name := range names {
		tokens := tokensOf(t, r.Log(t, name))
		require.Len(t, tokens, accepted[name], "what was accepted is there, and nothing else (seed %d)", seed)
		require.True(t, slices.IsSorted(tokens), "out of order (seed %d): %v", seed, tokens)
		require.NotEmpty(t, tokens)
		require.EqualValues(t, highest, tokens[len(tokens)-1], "the highest token is never stale (seed %d)", seed)
	}
}

type write struct {
	name  string
	token int64
}

// shuffledWrites returns each token of each name twice, so that equal ones race too.
func shuffledWrites(seed uint64, names []string, highest int64) <-chan write {
	var writes []write
	for token := int64(1); token <= highest; token++ {
		for _, name := range names {
			writes = append(writes, write{name, token}, write{name, token})
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(writes), func(i, j int) { writes[i], writes[j] = writes[j], writes[i] })
	queue := make(chan write, len(writes))
	for _, w := range writes {
		queue <- w
	}
	close(queue)
	return queue
}

func tokensOf(t *testing.T, entries []string) []int64 {
	tokens := make([]int64, len(entries))
	for i, entry := range entries {
		token, err := strconv.ParseInt(entry, 10, 64)
		require.NoError(t, err)
		tokens[i] = token
	}
	return tokens
}
