package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// markerKey is where package redlock keeps a voter's marker.
const markerKey = "redlock:voter"

// questioner asks one server.
type questioner struct {
	client  *redis.Client
	timeout time.Duration // of each question
	probe   string        // the name of a lock
}

// interview asks everything that is asked once. It stops at the first failure that isn't the
// server's own refusal, because a server that hangs would let every other question hang too.
func (q *questioner) interview(ctx context.Context) facts {
	var f facts
	if f.err = q.knock(ctx); f.err != nil {
		return f
	}
	for _, ask := range []func(context.Context, *facts) error{q.askInfo, q.askSettings, q.askMarker, q.tryCommands, q.tryLock} {
		if f.err = ask(ctx, &f); f.err != nil {
			return f
		}
	}
	return f
}

// bounded gives one question its time-out.
func (q *questioner) bounded(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	return ask(ctx)
}

// knock asks for the time, which every lock script does too. So here even a refusal means
// that the server can't be used.
func (q *questioner) knock(ctx context.Context) error {
	return q.bounded(ctx, func(ctx context.Context) error { return q.client.Time(ctx).Err() })
}

// refusedOr keeps a server's refusal, and returns any other error.
func refusedOr(err error, refusal *error) error {
	if _, isRefusal := errors.AsType[redis.Error](err); isRefusal && !errors.Is(err, redis.Nil) {
		*refusal = err
		return nil
	}
	return err
}

func (q *questioner) askInfo(ctx context.Context, f *facts) error {
	return refusedOr(q.bounded(ctx, func(ctx context.Context) error {
		text, err := q.client.Info(ctx).Result()
		f.info = parseFields(text)
		return err
	}), &f.infoErr)
}

// askSettings asks for what INFO doesn't tell. Each by itself, since several at once need Redis 7.
func (q *questioner) askSettings(ctx context.Context, f *facts) error {
	f.settings = make(map[string]string)
	for _, name := range []string{"save", "appendfsync", "no-appendfsync-on-rewrite"} {
		err := refusedOr(q.bounded(ctx, func(ctx context.Context) error {
			reply, err := q.client.ConfigGet(ctx, name).Result()
			f.settings[name] = reply[name]
			return err
		}), &f.settingsErr)
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *questioner) askMarker(ctx context.Context, f *facts) error {
	return refusedOr(q.bounded(ctx, func(ctx context.Context) error {
		now, err := q.client.Time(ctx).Result()
		if err != nil {
			return err
		}
		values, err := q.client.HMGet(ctx, markerKey, "run", "number", "until", "longest").Result()
		if err != nil {
			return err
		}
		f.marker, err = parseMarker(values)
		f.marker.now = now
		f.markerErr = err
		return nil
	}), &f.markerErr)
}

// parseMarker reads the marker's fields. Without the field "number" there is none.
func parseMarker(values []any) (marker, error) {
	text := make([]string, 4)
	for i, v := range values {
		text[i], _ = v.(string)
	}
	if text[1] == "" {
		return marker{}, nil
	}
	m := marker{known: true, runID: text[0]}
	if text[2] != "" {
		until, err := strconv.ParseInt(text[2], 10, 64)
		if err != nil {
			return marker{}, fmt.Errorf("doctor: the field until of %s is %q, not a number", markerKey, text[2])
		}
		m.until = time.UnixMicro(until)
	}
	longest, err := strconv.ParseInt(text[3], 10, 64)
	if err != nil {
		return marker{}, fmt.Errorf("doctor: the field longest of %s is %q, not a number", markerKey, text[3])
	}
	m.longest = time.Duration(longest) * time.Millisecond
	return m, nil
}
