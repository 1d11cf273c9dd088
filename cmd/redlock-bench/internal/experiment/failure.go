package experiment

import (
	"errors"

	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/lab"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/worker"
)

// Failure is why an experiment didn't come off, as data.
type Failure struct {
	Cause string `json:"cause"` // one of causes, or "other"
	What  string `json:"what"`
}

// causes are the errors that say whose fault it was.
var causes = map[string]error{
	"not-applicable": lab.ErrNotApplicable,
	"spoiled":        lab.ErrSpoiled,
	"worker":         worker.ErrWorker,
	"unsupported":    cluster.ErrUnsupported,
	"not-proven":     cluster.ErrNotProven,
}

// NewFailure returns the data of an error; nil for none.
func NewFailure(err error) *Failure {
	if err == nil {
		return nil
	}
	f := &Failure{"other", err.Error()}
	for cause, is := range causes {
		if errors.Is(err, is) {
			f.Cause = cause
		}
	}
	return f
}

// Err returns an error that matches the same causes; nil for no failure.
func (f *Failure) Err() error {
	if f == nil {
		return nil
	}
	return recorded{f}
}

// recorded is the error of a failure that was read.
type recorded struct{ *Failure }

func (r recorded) Error() string        { return r.What }
func (r recorded) Is(target error) bool { return causes[r.Cause] == target }
