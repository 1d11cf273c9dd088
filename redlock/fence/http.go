package fence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// Header is the HTTP header that carries a request's fencing token, as a decimal number
// without sign or leading zeros.
const Header = "Fencing-Token"

// Guard is what [Middleware] needs: something that can put any write behind a check.
// [Memory] does. [SQL] and [Redis] don't, on purpose: theirs must be a write in the
// transaction or the script that checks, and a handler uses them directly, with [Token] and [WriteError].
type Guard interface {
	// Do calls write once if token is at least the highest seen for name, so that no other
	// write of name comes between the check and the end of write, and returns its error.
	// It returns ErrStale, or another error, if it didn't call write.
	Do(ctx context.Context, name string, token int64, write func(context.Context) error) error
}

// SetToken adds the token to a request that a client is about to send.
func SetToken(r *http.Request, token int64) {
	r.Header.Set(Header, strconv.FormatInt(token, 10))
}

// Token returns the fencing token of a request that a server has received. The error is
// [ErrInvalidToken] if there's none, more than one, or one that is malformed or out of range.
func Token(r *http.Request) (int64, error) {
	values := r.Header.Values(Header)
	if len(values) != 1 {
		return 0, fmt.Errorf("%w: %d headers %s; send exactly one", ErrInvalidToken, len(values), Header)
	}
	token, err := strconv.ParseInt(values[0], 10, 64)
	// Written back it must be the same, so that a token has only one spelling: no +7, no 007.
	if err != nil || token < 1 || token > MaxToken || strconv.FormatInt(token, 10) != values[0] {
		return 0, fmt.Errorf("%w: header %s: %.32q; must be 1 to %d, digits only",
			ErrInvalidToken, Header, values[0], MaxToken)
	}
	return token, nil
}

// problem is the body of a refusal, in the format of RFC 9457.
type problem struct {
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail,omitempty"`
	Name    string `json:"name,omitempty"`
	Token   int64  `json:"token,omitempty"`
	Highest int64  `json:"highest,omitempty"`
}

// WriteError answers a request that a guard of any kind has refused, with a body of type
// application/problem+json (RFC 9457):
//
//   - 409 Conflict for [ErrStale]; the members name, token and highest tell what it lost to.
//   - 400 Bad Request for [ErrInvalidToken] and [ErrInvalidName].
//   - 404 Not Found for [ErrUnknownName].
//   - 503 Service Unavailable if the context ended before it was the request's turn.
//   - 500 Internal Server Error for everything else, without the details.
//
// It's 409 and not 412 Precondition Failed because that answers the conditions of RFC 9110
// (If-Match and its kin), on which clients fetch the new state and try again. A client that
// has lost its lock must not.
func WriteError(w http.ResponseWriter, err error) {
	p := describe(err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	// A failed write of the answer means that the client is gone: nobody is left to tell.
	_ = json.NewEncoder(w).Encode(p)
}

func describe(err error) problem {
	var stale *StaleError
	switch {
	case errors.As(err, &stale):
		return problem{ErrStale.Error(), http.StatusConflict, err.Error(), stale.Name, stale.Token, stale.Highest}
	case errors.Is(err, ErrInvalidToken):
		return problem{Title: ErrInvalidToken.Error(), Status: http.StatusBadRequest, Detail: err.Error()}
	case errors.Is(err, ErrInvalidName):
		return problem{Title: ErrInvalidName.Error(), Status: http.StatusBadRequest, Detail: err.Error()}
	case errors.Is(err, ErrUnknownName):
		return problem{Title: ErrUnknownName.Error(), Status: http.StatusNotFound, Detail: err.Error()}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem{Title: "fence: the write's turn didn't come in time", Status: http.StatusServiceUnavailable}
	}
	return problem{Title: "fence: the write failed", Status: http.StatusInternalServerError}
}
