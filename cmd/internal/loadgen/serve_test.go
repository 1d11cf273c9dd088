package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/clockdrift"
)

// replies serves requests and returns what comes back.
func replies(t *testing.T, locker Locker, requests string) ([]Reply, error) {
	var out strings.Builder
	err := Serve(strings.NewReader(requests), &out, func(_ context.Context, c Client) (Locker, error) {
		if c.Subject == "unknown" {
			return nil, errors.New("unknown subject")
		}
		return locker, nil
	})
	var all []Reply
	for lines := json.NewDecoder(strings.NewReader(out.String())); lines.More(); {
		var r Reply
		require.NoError(t, lines.Decode(&r))
		all = append(all, r)
	}
	return all, err
}

func TestServe(t *testing.T) {
	locker := &fakeLocker{}
	plan, err := json.Marshal(Request{Plan: &Plan{
		Prefix: "n", Clients: 2, Total: 4, Names: 3, Start: clockdrift.System().Now(), Duration: 20 * time.Millisecond, Hold: time.Millisecond,
	}})
	require.NoError(t, err)
	all, err := replies(t, locker, `{"client":{"subject":"fake","name":"ready"}}`+string(plan)+string(plan))
	require.NoError(t, err)
	require.Len(t, all, 3)
	assert.Equal(t, Reply{}, all[0])
	assert.Equal(t, 1, locker.names["ready"], "a first lock before anything is measured")
	for _, r := range all[1:] {
		// How many there are in so short a time, or when a plan's time is over, is the machine's business.
		assert.Equal(t, r.Result.Locks+r.Result.Unfinished, r.Result.Acquire.Count())
		assert.Len(t, r.Result.Turns, int(r.Result.Acquire.Count()))
		assert.Len(t, r.Result.PerClient, 2)
		assert.Positive(t, r.Result.Usage.Mallocs)
	}
}

func TestServeRefuses(t *testing.T) {
	all, err := replies(t, &fakeLocker{}, `{"plan":{}} {"client":{"subject":"unknown"}} {"client":{}} {"client":{}}`)
	require.NoError(t, err)
	require.Len(t, all, 4)
	assert.Contains(t, all[0].Error, "a client comes first")
	assert.Equal(t, "unknown subject", all[1].Error)
	assert.Empty(t, all[2].Error)
	assert.Contains(t, all[3].Error, "and once")

	_, err = replies(t, &fakeLocker{}, `{"plan":{"lunch":12}}`)
	assert.ErrorContains(t, err, `unknown field "lunch"`)

	_, err = replies(t, &fakeLocker{}, `garbage`)
	assert.ErrorContains(t, err, "request")
}

// New servers may refuse for a while; who never gets a lock isn't measured.
func TestFirstLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		open := func(until int) func(context.Context, Client) (Locker, error) {
			return func(context.Context, Client) (Locker, error) {
				return &fakeLocker{attempt: func(n int) error {
					if n < until {
						return errTaken
					}
					return nil
				}}, nil
			}
		}
		_, err := connect(Client{}, open(100))
		assert.NoError(t, err)
		began := time.Now()
		_, err = connect(Client{}, open(1_000_000))
		assert.ErrorIs(t, err, errTaken)
		assert.ErrorContains(t, err, "the first lock")
		assert.Equal(t, connectTimeout, time.Since(began))
	})
}

func TestBootClock(t *testing.T) {
	boot := clockdrift.System().Now()
	assert.WithinDuration(t, time.Now().Add(time.Minute), fromBoot(boot+time.Minute), time.Second)
}

func TestKind(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for want, err := range map[string]error{
		"time-out":              fmt.Errorf("node 1: %w", context.DeadlineExceeded),
		"connection":            fmt.Errorf("node 2: %w", refused),
		"a text":                errors.New("a text"),
		strings.Repeat("x", 80): errors.New(strings.Repeat("x", 1000)),
	} {
		assert.Equal(t, want, Kind(err))
	}
	var counts map[string]int64
	for i := range 1000 {
		count(&counts, fmt.Sprint(i))
	}
	assert.Len(t, counts, mostKinds+1)
	assert.EqualValues(t, 1000-mostKinds, counts["others"])
}
