package browsertest

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everything opens all that can be opened, and draws what isn't near the window yet.
const everything = `document.querySelectorAll("details").forEach((d) => { d.open = true });
	document.querySelectorAll(".timeline").forEach((f) => f.timeline.draw())`

// events keeps what a page asked for and complained about.
type events struct {
	mu         sync.Mutex
	requests   []string
	complaints []string
}

func (e *events) listen(event any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		e.requests = append(e.requests, event.Request.URL)
	case *runtime.EventExceptionThrown:
		e.complaints = append(e.complaints, event.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		e.complaints = append(e.complaints, string(event.Type))
	case *log.EventEntryAdded:
		e.complaints = append(e.complaints, event.Entry.Text)
	}
}

func (e *events) seen() (requests, complaints []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests), slices.Clone(e.complaints)
}

func TestLoadsAloneAndWithoutErrors(t *testing.T) {
	b := newTab(t)
	var e events
	require.NoError(t, chromedp.Listen(b.ctx, e.listen))
	b.do(chromedp.Navigate(address))
	eval[chromedp.Void](b, everything)
	b.do(chromedp.WaitVisible(figure("clock-jump.classic") + " .item"))
	assert.Equal(t, 10, eval[int](b, `[...document.querySelectorAll(".timeline svg")].filter((svg) => svg.querySelector(".item")).length`), "eight, and the two that it opens on")

	requests, complaints := e.seen()
	assert.Empty(t, complaints)
	requests = slices.DeleteFunc(requests, func(url string) bool { return strings.HasPrefix(url, "data:") })
	assert.Equal(t, []string{address}, requests)

	// The test can fail.
	eval[chromedp.Void](b, `console.error("a complaint"); fetch("file:///dev/null").catch(() => {})`)
	assert.Eventually(t, func() bool {
		requests, complaints := e.seen()
		return slices.Contains(complaints, "error") && len(requests) > 1
	}, tabTimeout/4, 10e6)
}

func TestHeader(t *testing.T) {
	b := open(t, "")
	assert.Equal(t, []string{"classic let two clients hold the lock at once in 1 of 4 scenarios; guarded, this library’s lock, in none of 4."}, b.texts("h1"))
	header := strings.Join(b.texts("header, #about"), "")
	for _, want := range []string{"no violation", "5, embedded", "seed", "redlock-bench", "go1.", "miniredis v2.",
		"redlock-bench run control pause-in-flight clock-jump pause-after-check --backend embedded --nodes 5 --seed 1 --subject classic,guarded"} {
		assert.Contains(t, header, want)
	}
	assert.NotContains(t, strings.ToLower(strings.Join(b.texts("body"), "")), "safe.")
}

func TestVerdictsLeadToExperiments(t *testing.T) {
	b := open(t, "")
	cell := `td a[href="#clock-jump.classic"]`
	assert.Regexp(t, `✕ \d+ ms`, b.texts(cell)[0])
	assert.Contains(t, b.texts(`td a[href="#clock-jump.guarded"]`)[0], "✓ held")
	assert.Empty(t, b.texts(".surprise"))
	b.do(chromedp.Click(cell), chromedp.WaitVisible(figure("clock-jump.classic")+" .item"))
	top := b.box(`[id="clock-jump.classic"]`).Y
	assert.InDelta(t, 0, top, 100, "scrolled there")
	assert.Equal(t, []string{"violated; expected: violated"}, b.texts(`[id="clock-jump.classic"] .facts div:first-child dd`))
}

func TestPhone(t *testing.T) {
	for _, width := range []int64{360, 768, 1200} {
		b := open(t, "")
		b.size(width)
		eval[chromedp.Void](b, everything)
		b.do(chromedp.WaitVisible(figure("clock-jump.classic") + " .item"))
		assert.LessOrEqual(t, eval[int64](b, `document.documentElement.scrollWidth`), width, "no sideways scrolling")
		for _, name := range []string{"control.guarded", "clock-jump.classic"} {
			assert.Empty(t, eval[[]string](b, collisions, figure(name)), "%s at %d", name, width)
		}
	}
}

// collisions are the pairs of inscriptions of a timeline that cover each other.
const collisions = `(() => {
	const texts = [...document.querySelectorAll(%q + " svg text")].filter((e) => e.getClientRects().length > 0 && e.textContent);
	const boxes = texts.map((e) => e.getBoundingClientRect());
	const found = [];
	for (let i = 0; i < boxes.length; i++) for (let j = 0; j < i; j++) {
		const [a, b] = [boxes[i], boxes[j]];
		const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left), high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
		if (wide > 1 && high > 4) found.push(texts[i].textContent + " / " + texts[j].textContent);
	}
	return found;
})()`
