package resource

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/protocol"
	"github.com/a5bbb083/redlock/redlock/fence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// user is a client of one resource.
type user struct {
	t    *testing.T
	url  string
	http *http.Client
}

func newUser(t *testing.T) (*Resource, *user) {
	r, err := Start()
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, r.Close())
	})
	return r, &user{t, "http://" + r.Addr() + protocol.CountersPath, &http.Client{Transport: transport}}
}

func (u *user) read() protocol.Counters {
	response, err := u.http.Get(u.url)
	require.NoError(u.t, err)
	defer func() { _ = response.Body.Close() }()
	var counters protocol.Counters
	require.NoError(u.t, json.NewDecoder(response.Body).Decode(&counters))
	return counters
}

// write posts an update with a token header, unless that's "", and returns status and receipt.
func (u *user) write(body []byte, token string) (int, protocol.Receipt) {
	request, err := http.NewRequest(http.MethodPost, u.url, bytes.NewReader(body))
	require.NoError(u.t, err)
	if token != "" {
		request.Header.Set(fence.Header, token)
	}
	response, err := u.http.Do(request)
	require.NoError(u.t, err)
	defer func() { _ = response.Body.Close() }()
	var receipt protocol.Receipt
	if response.StatusCode == http.StatusOK {
		require.NoError(u.t, json.NewDecoder(response.Body).Decode(&receipt))
	}
	return response.StatusCode, receipt
}

func update(t *testing.T, client string, read protocol.Counters) []byte {
	body, err := json.Marshal(protocol.Update{Client: client, Lease: 1, Read: read})
	require.NoError(t, err)
	return body
}

func TestOnlyTheFencedRegisterRefuses(t *testing.T) {
	r, u := newUser(t)
	before := u.read()
	_, receipt := u.write(update(t, "new", before), "20")
	assert.Equal(t, protocol.Receipt{Plain: true, Fenced: true}, receipt)
	_, receipt = u.write(update(t, "new", u.read()), "20")
	assert.Equal(t, protocol.Receipt{Plain: true, Fenced: true}, receipt)
	_, receipt = u.write(update(t, "old", before), "10")
	assert.Equal(t, protocol.Receipt{Plain: true}, receipt, "a stale token")

	assert.Equal(t, protocol.Counters{Plain: 1, Fenced: 2}, u.read())
	var plain, fenced []bool
	for _, w := range r.Writes() {
		if w.Register == history.Plain {
			plain = append(plain, w.Accepted)
		} else {
			fenced = append(fenced, w.Accepted)
		}
	}
	assert.Equal(t, []bool{true, true, true}, plain)
	assert.Equal(t, []bool{true, true, false}, fenced)
}

func TestWithoutTokenTheFencedRegisterIsLeftAlone(t *testing.T) {
	r, u := newUser(t)
	_, receipt := u.write(update(t, "a", protocol.Counters{}), "")
	assert.Equal(t, protocol.Receipt{Plain: true}, receipt)
	assert.Equal(t, protocol.Counters{Plain: 1}, u.read())
	assert.Len(t, r.Writes(), 1)
}

func TestBadWritesChangeNothing(t *testing.T) {
	r, u := newUser(t)
	for _, token := range []string{"0", "-1", "x", "007"} {
		status, _ := u.write(update(t, "a", protocol.Counters{}), token)
		assert.Equal(t, http.StatusBadRequest, status, token)
	}
	status, _ := u.write([]byte("{"), "1")
	assert.Equal(t, http.StatusBadRequest, status)
	assert.Empty(t, r.Writes())
	assert.Zero(t, u.read())
}

func TestRecordIsInTheOrderOfTheWrites(t *testing.T) {
	r, u := newUser(t)
	var writing sync.WaitGroup
	for range 8 {
		writing.Go(func() {
			for range 20 {
				u.write(update(t, "a", u.read()), "")
			}
		})
	}
	writing.Wait()
	writes := r.Writes()
	require.Len(t, writes, 160)
	for i := 1; i < len(writes); i++ {
		assert.LessOrEqual(t, writes[i-1].At, writes[i].At)
	}
	assert.Equal(t, writes[159].Read+1, u.read().Plain)
}
