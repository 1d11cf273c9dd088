// Package redlockotel measures and traces what a locker does, with OpenTelemetry.
//
//	hooks, err := redlockotel.Hooks()
//	...
//	locker, err := redlock.Dial(ctx, urls, redlock.WithHooks(hooks))
//
// Each acquisition is a span "redlock acquire" with an event for every voter. Redis commands are go-redis's to trace
// (github.com/redis/go-redis/extra/redisotel). The metrics, with times in seconds, are
//
//   - redlock.operation.duration: how long operations took, by redlock.operation (acquire, extend, release) and
//     redlock.result (see [redlock.Event.Result]). An acquisition's time includes all waiting.
//   - redlock.hold.duration: how long locks were held, by redlock.end (released, lost).
//   - redlock.attempts: how many attempts the acquisitions made.
//   - redlock.lost: how many locks were lost.
//   - redlock.voter.usable: 1 for a voter that is of use, 0 for one that isn't, by redlock.voter.
package redlockotel

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/a5bbb083/redlock/redlock"
)

const scope = "github.com/a5bbb083/redlock/redlock/redlockotel"

// Attributes of spans, span events and metrics.
const (
	operationKey = attribute.Key("redlock.operation")
	resultKey    = attribute.Key("redlock.result")
	nameKey      = attribute.Key("redlock.name")
	fenceKey     = attribute.Key("redlock.fence")
	attemptsKey  = attribute.Key("redlock.attempts")
	voterKey     = attribute.Key("redlock.voter")
	outcomeKey   = attribute.Key("redlock.outcome")
	rttKey       = attribute.Key("redlock.rtt")
	endKey       = attribute.Key("redlock.end")
)

// Option configures [Hooks].
type Option func(*options)

type options struct {
	meters  metric.MeterProvider
	tracers trace.TracerProvider
	name    func(string) string
}

// WithMeterProvider sets where the metrics go. The default is the global provider.
func WithMeterProvider(p metric.MeterProvider) Option { return func(o *options) { o.meters = p } }

// WithTracerProvider sets where the spans go. The default is the global provider.
func WithTracerProvider(p trace.TracerProvider) Option { return func(o *options) { o.tracers = p } }

// WithNameAttribute gives the metrics an attribute redlock.name. The function maps a lock's name to its value, and should have few of
// them: each costs a set of time series. Spans have the name itself in any case.
func WithNameAttribute(of func(name string) string) Option { return func(o *options) { o.name = of } }

// Hooks returns the hooks that measure and trace a locker. It fails if the provider refuses a metric.
func Hooks(opts ...Option) (redlock.Hooks, error) {
	o := options{meters: otel.GetMeterProvider(), tracers: otel.GetTracerProvider()}
	for _, opt := range opts {
		opt(&o)
	}
	in, err := newInstruments(o)
	if err != nil {
		return redlock.Hooks{}, err
	}
	tracer := o.tracers.Tracer(scope)
	return redlock.Hooks{
		Start: func(ctx context.Context, op redlock.Op) context.Context {
			if op.Kind != "acquire" {
				return ctx
			}
			ctx, _ = tracer.Start(ctx, "redlock acquire", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(nameKey.String(op.Name)))
			return ctx
		},
		Done: func(ctx context.Context, e redlock.Event) {
			if e.Kind == "acquire" {
				finish(trace.SpanFromContext(ctx), e)
			}
			in.done(ctx, e)
		},
		Lost: in.lose,
		VoterChanged: func(v redlock.VoterState) {
			in.voters.Store(v.Node, true)
			in.set(context.Background(), v.Node, v.Usable())
		},
	}, nil
}

// finish ends the span of an acquisition.
func finish(span trace.Span, e redlock.Event) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(resultKey.String(e.Result()), attemptsKey.Int(e.Attempts), fenceKey.Int64(e.Fence))
	for _, n := range e.Nodes {
		attrs := []attribute.KeyValue{voterKey.String(n.Node), outcomeKey.String(n.Outcome.String()), rttKey.Float64(n.RTT.Seconds())}
		if n.Err != nil {
			attrs = append(attrs, attribute.String("exception.message", n.Err.Error()))
		}
		span.AddEvent("voter", trace.WithAttributes(attrs...))
	}
	// A lock that another holds is an answer and no fault.
	if e.Err != nil && e.Result() != "held" {
		span.SetStatus(codes.Error, e.Err.Error())
	}
}

// instruments are the metrics.
type instruments struct {
	name      func(string) string
	operation metric.Float64Histogram
	hold      metric.Float64Histogram
	attempts  metric.Int64Counter
	lost      metric.Int64Counter
	usable    metric.Int64Gauge
	voters    sync.Map // those that have a gauge
}

func newInstruments(o options) (*instruments, error) {
	m := o.meters.Meter(scope)
	in := &instruments{name: o.name}
	var errs [5]error
	// The default bounds are meant for milliseconds.
	var bounds []float64
	for d := time.Millisecond; d < 20*time.Minute; d *= 2 {
		bounds = append(bounds, d.Seconds())
	}
	in.operation, errs[0] = m.Float64Histogram("redlock.operation.duration", metric.WithUnit("s"),
		metric.WithDescription("How long operations on locks took, with all waiting."), metric.WithExplicitBucketBoundaries(bounds...))
	in.hold, errs[1] = m.Float64Histogram("redlock.hold.duration", metric.WithUnit("s"),
		metric.WithDescription("How long locks were held."), metric.WithExplicitBucketBoundaries(bounds...))
	in.attempts, errs[2] = m.Int64Counter("redlock.attempts", metric.WithUnit("{attempt}"), metric.WithDescription("How many attempts acquisitions of locks made."))
	in.lost, errs[3] = m.Int64Counter("redlock.lost", metric.WithUnit("{lock}"), metric.WithDescription("How many locks were lost."))
	in.usable, errs[4] = m.Int64Gauge("redlock.voter.usable", metric.WithUnit("1"), metric.WithDescription("Whether a voter is of use (1) or not (0)."))
	return in, errors.Join(errs[:]...)
}

func (in *instruments) done(ctx context.Context, e redlock.Event) {
	in.operation.Record(ctx, e.Elapsed.Seconds(), in.with(e, operationKey.String(e.Kind), resultKey.String(e.Result())))
	switch {
	case e.Kind == "acquire":
		in.attempts.Add(ctx, int64(e.Attempts), in.with(e))
		for _, n := range e.Nodes { // a voter that's of use from the beginning isn't told of
			if _, met := in.voters.LoadOrStore(n.Node, true); !met {
				in.set(ctx, n.Node, true)
			}
		}
	case e.Kind == "release" && e.Result() != "lost":
		in.hold.Record(ctx, e.Held.Seconds(), in.with(e, endKey.String("released")))
	}
}

func (in *instruments) lose(e redlock.Event) {
	in.lost.Add(context.Background(), 1, in.with(e))
	in.hold.Record(context.Background(), e.Held.Seconds(), in.with(e, endKey.String("lost")))
}

func (in *instruments) with(e redlock.Event, attrs ...attribute.KeyValue) metric.MeasurementOption {
	if in.name != nil {
		attrs = append(attrs, nameKey.String(in.name(e.Name)))
	}
	return metric.WithAttributes(attrs...)
}

func (in *instruments) set(ctx context.Context, voter string, usable bool) {
	value := int64(0)
	if usable {
		value = 1
	}
	in.usable.Record(ctx, value, metric.WithAttributes(voterKey.String(voter)))
}
