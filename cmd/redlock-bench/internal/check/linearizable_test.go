package check

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
)

// enough is a time-out that no small history needs.
const enough = time.Minute

func TestLinearizableOnRecordedHistories(t *testing.T) {
	seen := make(map[Verdict]int)
	files, err := filepath.Glob("testdata/linearizable/*/*.json")
	require.NoError(t, err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var r struct {
			Want    Verdict         `json:"want"`
			History history.History `json:"history"`
		}
		require.NoError(t, json.Unmarshal(data, &r))
		got := Linearizable(&r.History, enough)
		assert.Equal(t, r.Want, got.Verdict, file)
		assert.Equal(t, r.Want == Violated, len(got.Faults) > 0, file)
		assert.Positive(t, got.Operations, file)
		seen[got.Verdict]++
	}
	assert.Positive(t, seen[Held])
	assert.Positive(t, seen[Violated])
}

// TestLinearizableAgreesWithTheOtherCheckers compares it with what Tokens and Writes say.
func TestLinearizableAgreesWithTheOtherCheckers(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var r recorded
		require.NoError(t, json.Unmarshal(data, &r))
		assert.Equal(t, r.Want.Fencing, Linearizable(&r.History, enough).Verdict, file)
	}
}

func TestLinearizableWithoutTimeIsUnknown(t *testing.T) {
	h := &history.History{Operations: []history.Operation{{Client: "client 1", Op: protocol.Acquire, Invoked: 1, Returned: 2, OK: true, Fence: 1}}}
	assert.Equal(t, Unknown, Linearizable(h, 0).Verdict)
	assert.Equal(t, Held, Linearizable(h, enough).Verdict)
}

// TestSearchThatTakesTooLongIsUnknown has reads at the same time as many writes, of which none fits: all orders
// have to be tried.
func TestSearchThatTakesTooLongIsUnknown(t *testing.T) {
	var operations []porcupine.Operation
	for i := range int64(40) {
		operations = append(operations, porcupine.Operation{ClientId: int(i), Input: tokenInput{write, 1, i, true}, Call: 1, Return: 100})
	}
	operations = append(operations, porcupine.Operation{ClientId: 40, Input: tokenInput{kind: read, value: -1}, Call: 1, Return: 100})
	result := LinearizableResult{Verdict: None}
	result.search(&history.History{}, operations, len(operations), time.Now().Add(50*time.Millisecond))
	assert.Equal(t, Unknown, result.Verdict)
}

// TestTokensAreCarriedOverACut has a token that is smaller than one in the piece before.
func TestTokensAreCarriedOverACut(t *testing.T) {
	grants := func(tokens ...int64) (all []porcupine.Operation) {
		for i, token := range tokens {
			all = append(all, porcupine.Operation{Input: tokenInput{kind: grant, token: token}, Call: int64(10 * i), Return: int64(10*i + 5)})
		}
		return all
	}
	assert.Equal(t, Held, searched(grants(1, 5, 9), 1).Verdict)
	assert.Equal(t, Violated, searched(grants(1, 9, 5), 1).Verdict)
	assert.Equal(t, Violated, searched(grants(9, 10, 5), 2).Verdict)
}

// carriedOut makes up what a correct dispenser and register did, each operation at some moment
// between its ends.
func carriedOut(random *rand.Rand, clients, operations int) []porcupine.Operation {
	var all []porcupine.Operation
	state := tokenState{known: true}
	free := make([]int64, clients) // when each client's last operation returned
	for now := int64(1); len(all) < operations; now += 1 + random.Int64N(5) {
		client := random.IntN(clients)
		if free[client] >= now {
			continue
		}
		in := tokenInput{kind: tokenKind(random.IntN(3))}
		switch in.kind {
		case grant:
			in.token = state.granted + 1 + random.Int64N(3)
		case read:
			in.value = state.value
		case write:
			in.token, in.value = 1+random.Int64N(state.granted+2), random.Int64N(1000)
			in.accepted = in.token >= state.written
		}
		_, next := step(state, in, nil)
		state = next.(tokenState)
		invoked := max(free[client]+1, now-random.Int64N(10))
		free[client] = now + random.Int64N(10)
		all = append(all, porcupine.Operation{ClientId: client, Input: in, Call: invoked, Return: free[client]})
	}
	return all
}

func searched(operations []porcupine.Operation, size int) LinearizableResult {
	result := LinearizableResult{Verdict: None}
	result.search(&history.History{}, append([]porcupine.Operation(nil), operations...), size, time.Now().Add(enough))
	return result
}

func TestPiecesFindNoFaultWithWhatIsCorrect(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0))
	for range 200 {
		operations := carriedOut(random, 1+random.IntN(4), 100)
		whole, pieces := searched(operations, len(operations)), searched(operations, 5)
		require.Equal(t, Held, whole.Verdict)
		require.Equal(t, Held, pieces.Verdict)
		require.Equal(t, 1, whole.Pieces)
		require.Equal(t, len(operations), pieces.Operations)
	}
}

func TestPiecesFindWhatIsWrong(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 0))
	wrong, found := 0, 0
	for range 300 {
		operations := carriedOut(random, 1+random.IntN(3), 60)
		i := random.IntN(len(operations))
		in := operations[i].Input.(tokenInput)
		switch in.kind {
		case grant:
			in.token = max(1, in.token-1-random.Int64N(5))
		case read:
			in.value++
		case write:
			in.accepted = !in.accepted
		}
		operations[i].Input = in
		whole, pieces := searched(operations, len(operations)), searched(operations, 5)
		if whole.Verdict == Violated {
			wrong++
		}
		if pieces.Verdict == Violated {
			found++
			require.Equal(t, Violated, whole.Verdict, "a piece may only miss what the whole shows")
		}
	}
	assert.Greater(t, wrong, 200)
	assert.Greater(t, found, wrong*3/4)
}
