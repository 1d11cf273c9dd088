package browsertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// tabTimeout bounds a test.
const tabTimeout = time.Minute

// tab is a window with the page.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// newTab opens an empty tab that is closed with the test.
func newTab(t *testing.T) tab {
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, tabTimeout)
	t.Cleanup(cancel)
	b := tab{t, ctx}
	b.size(1200)
	return b
}

// open opens the page, at an experiment if there is one.
func open(t *testing.T, experiment string) tab { return openPage(t, address, experiment) }

func openPage(t *testing.T, address, experiment string) tab {
	b := newTab(t)
	b.do(chromedp.Navigate(address + "#" + experiment))
	if experiment != "" {
		b.do(chromedp.WaitVisible(figure(experiment) + " .item"))
	}
	return b
}

func (b tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

func (b tab) size(width int64) { b.do(chromedp.EmulateViewport(width, 900)) }

// prefer sets the colour scheme that the reader wants: light or dark.
func (b tab) prefer(scheme string) {
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

func (b tab) withoutScript() {
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// eval returns the value of an expression.
func eval[T any](b tab, format string, args ...any) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](fmt.Sprintf(format, args...)))
	require.NoError(b.t, err)
	return value
}

// texts returns the texts of all elements for a selector.
func (b tab) texts(selector string) []string {
	b.t.Helper()
	return eval[[]string](b, `[...document.querySelectorAll(%q)].map((e) => e.textContent)`, selector)
}

// labels returns the texts for screen readers of all elements for a selector.
func (b tab) labels(selector string) []string {
	b.t.Helper()
	return eval[[]string](b, `[...document.querySelectorAll(%q)].map((e) => e.getAttribute("aria-label"))`, selector)
}

// axis returns the inscriptions of the axis.
func (b tab) axis(experiment string) []string {
	b.t.Helper()
	return b.texts(figure(experiment) + " .tick text")
}

// box is where an element is in the window.
type box struct{ X, Y, Width, Height float64 }

func (b tab) box(selector string) box {
	b.t.Helper()
	return eval[box](b, `(({x: X, y: Y, width: Width, height: Height}) => ({X, Y, Width, Height}))(document.querySelector(%q).getBoundingClientRect())`, selector)
}

// figure selects the timeline of an experiment.
func figure(experiment string) string { return fmt.Sprintf(`figure[data-name="%s"]`, experiment) }
