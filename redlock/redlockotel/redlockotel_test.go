package redlockotel_test

import (
	"context"
	"fmt"
	"log"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/a5bbb083/redlock/redlock"
	"github.com/a5bbb083/redlock/redlock/redlockotel"
	"github.com/a5bbb083/redlock/redlock/redlocktest"
	"github.com/a5bbb083/redlock/redlock/redlocktest/lockertest"
)

// point is one value: of a counter or a gauge, or the sum of a histogram.
type point struct {
	value float64
	count uint64
}

func collect(t *testing.T, reader sdkmetric.Reader) (points map[string]point, units map[string]string) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &rm))
	points, units = map[string]point{}, map[string]string{}
	key := func(name string, set attribute.Set) string {
		return strings.TrimSpace(name + " " + set.Encoded(attribute.DefaultEncoder()))
	}
	for _, m := range rm.ScopeMetrics[0].Metrics {
		units[m.Name] = m.Unit
		switch data := m.Data.(type) {
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				points[key(m.Name, p.Attributes)] = point{p.Sum, p.Count}
			}
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				points[key(m.Name, p.Attributes)] = point{value: float64(p.Value)}
			}
		case metricdata.Gauge[int64]:
			for _, p := range data.DataPoints {
				points[key(m.Name, p.Attributes)] = point{value: float64(p.Value)}
			}
		}
	}
	return points, units
}

func TestSpansAndMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader, spans := sdkmetric.NewManualReader(), tracetest.NewSpanRecorder()
		hooks, err := redlockotel.Hooks(
			redlockotel.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))),
			redlockotel.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))),
			redlockotel.WithNameAttribute(func(name string) string { kind, _, _ := strings.Cut(name, ":"); return kind }))
		require.NoError(t, err)
		q := redlocktest.New(t, 3)
		l := lockertest.New(t, q.Member("a"), redlock.WithHooks(hooks))
		lk, err := l.TryLock(t.Context(), "invoice:1")
		require.NoError(t, err)
		time.Sleep(2 * time.Second)
		_, err = l.TryLock(t.Context(), "invoice:1")
		require.ErrorIs(t, err, redlock.ErrNotAcquired)
		require.NoError(t, lk.Unlock(t.Context()))
		_, err = l.TryLock(t.Context(), "invoice:2", redlock.MaxHold(time.Second))
		require.NoError(t, err)
		time.Sleep(3 * time.Second)
		q.Node(1).Crash()
		q.Node(2).Crash()
		_, err = l.TryLock(t.Context(), "invoice:3")
		require.ErrorIs(t, err, redlock.ErrNoQuorum)
		time.Sleep(time.Second)
		synctest.Wait()

		points, units := collect(t, reader)
		assert.Equal(t, "s", units["redlock.operation.duration"])
		assert.Equal(t, "s", units["redlock.hold.duration"])
		assert.Equal(t, uint64(2), points["redlock.operation.duration redlock.name=invoice,redlock.operation=acquire,redlock.result=ok"].count)
		assert.Equal(t, uint64(1), points["redlock.operation.duration redlock.name=invoice,redlock.operation=acquire,redlock.result=held"].count)
		assert.Equal(t, uint64(1), points["redlock.operation.duration redlock.name=invoice,redlock.operation=acquire,redlock.result=no quorum"].count)
		assert.Equal(t, uint64(1), points["redlock.operation.duration redlock.name=invoice,redlock.operation=release,redlock.result=ok"].count)
		assert.InDelta(t, 2, points["redlock.hold.duration redlock.end=released,redlock.name=invoice"].value, 0.1)
		assert.InDelta(t, 1, points["redlock.hold.duration redlock.end=lost,redlock.name=invoice"].value, 0.1)
		assert.Equal(t, point{value: 1}, points["redlock.lost redlock.name=invoice"])
		assert.Equal(t, point{value: 4}, points["redlock.attempts redlock.name=invoice"])
		assert.Equal(t, point{value: 1}, points["redlock.voter.usable redlock.voter=192.0.2.1:6379"])
		assert.Equal(t, point{value: 0}, points["redlock.voter.usable redlock.voter=192.0.2.3:6379"])

		ended := spans.Ended()
		require.Len(t, ended, 4, "one for each acquisition")
		for _, s := range ended {
			assert.Equal(t, "redlock acquire", s.Name())
			assert.Len(t, s.Events(), 3, "the voters")
		}
		assert.Contains(t, ended[0].Attributes(), attribute.String("redlock.name", "invoice:1"))
		assert.Contains(t, ended[0].Attributes(), attribute.Int64("redlock.fence", lk.Fence()))
		assert.Equal(t, codes.Unset, ended[0].Status().Code)
		assert.Equal(t, codes.Unset, ended[1].Status().Code, "held by another")
		assert.Equal(t, codes.Error, ended[3].Status().Code)
	})
}

func Example() {
	nodes, err := redlocktest.Start(3) // in place of three Redis servers
	if err != nil {
		log.Fatal(err)
	}
	defer nodes.Close()
	spans := tracetest.NewSpanRecorder() // in place of an exporter
	hooks, err := redlockotel.Hooks(redlockotel.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))))
	if err != nil {
		log.Fatal(err)
	}
	locker, err := redlock.New(nodes.Clients(), redlock.WithHooks(hooks))
	if err != nil {
		log.Fatal(err)
	}
	defer locker.Close()
	err = locker.Do(context.Background(), "report", func(context.Context, *redlock.Lock) error { return nil })
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range spans.Ended() {
		fmt.Println(s.Name(), s.Attributes()[0].Value.AsString())
	}
	// Output:
	// redlock acquire report
}
