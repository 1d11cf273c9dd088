package browsertest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const jump = "clock-jump.classic"

func TestLanes(t *testing.T) {
	b := open(t, jump)
	assert.Equal(t, []string{"events", "client 1", "client 2", "overlap", "resource", "node A", "node B", "node C", "node D", "node E"},
		b.texts(figure(jump)+" .lane-name"))
	assert.Len(t, b.labels(figure(jump)+" .item.fault"), 5, "four cuts and a jump")
	assert.Len(t, b.labels(figure(jump)+" .item.cut"), 4)
	assert.Len(t, b.labels(figure(jump)+" .item.believes"), 2)
	assert.Len(t, b.labels(figure(jump)+" .item.stale"), 1)
	assert.NotEmpty(t, b.labels(figure(jump)+" .item.key.c1"))
	assert.NotEmpty(t, b.labels(figure(jump)+" .item.key.c2"))
	clock := b.labels(figure(jump) + " .item.clock")
	require.Len(t, clock, 1)
	assert.Contains(t, clock[0], "node C's clock against the host's: +10s")
}

func TestOverlap(t *testing.T) {
	b := open(t, jump)
	overlap := figure(jump) + " .item.overlap"
	require.Len(t, b.labels(overlap), 1)
	assert.Contains(t, b.labels(overlap)[0], "client 1 and client 2 believed at the same time")
	// It's exactly where both bars are.
	first, second := b.box(figure(jump)+" .item.believes.c1 rect"), b.box(figure(jump)+" .item.believes.c2 rect")
	both := b.box(overlap + " rect")
	assert.InDelta(t, max(first.X, second.X), both.X, 1)
	assert.InDelta(t, min(first.X+first.Width, second.X+second.Width), both.X+both.Width, 1)

	held := open(t, "clock-jump.guarded")
	assert.NotContains(t, held.texts(figure("clock-jump.guarded")+" .lane-name"), "overlap")
	assert.Empty(t, held.labels(figure("clock-jump.guarded")+" .band"))
}

func TestFencing(t *testing.T) {
	const name = "pause-after-check.guarded"
	b := open(t, name)
	assert.Len(t, b.labels(figure(name)+" .item.taken.stale"), 1, "without fencing")
	assert.Len(t, b.labels(figure(name)+" .item.turned.stale"), 1, "with it")
	stopped := b.labels(figure(name) + " .item.still")
	require.NotEmpty(t, stopped)
	assert.Contains(t, stopped[0], "client 1 was stopped")
}

func TestButtonsZoom(t *testing.T) {
	b := open(t, jump)
	button := func(label string) string { return figure(jump) + ` button[aria-label="` + label + `"]` }
	whole := b.axis(jump)
	require.NotEmpty(t, whole)
	b.do(chromedp.Click(button("zoom in")))
	closer := b.axis(jump)
	assert.NotEqual(t, whole, closer)
	b.do(chromedp.Click(button("zoom out")))
	assert.Equal(t, whole, b.axis(jump))
	b.do(chromedp.Click(button("zoom to the first overlap")))
	assert.NotEqual(t, whole, b.axis(jump))
	svg, bar := b.box(figure(jump)+" svg"), b.box(figure(jump)+" .item.overlap rect")
	assert.Greater(t, bar.Width, svg.Width/2, "the overlap fills the view")
	b.do(chromedp.Click(button("show everything")))
	assert.Equal(t, whole, b.axis(jump))
}

func TestMouse(t *testing.T) {
	b := open(t, jump)
	whole := b.axis(jump)
	svg := b.box(figure(jump) + " svg")
	x, y := svg.X+svg.Width/2, svg.Y+svg.Height/2

	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, svg.Y+10))
	assert.Regexp(t, `^\+[0-9.]+ ms$`, b.texts(figure(jump) + " .readout")[0], "the time under the pointer")
	belief := b.box(figure(jump) + " .item.believes.c2 rect")
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, belief.X+belief.Width/2, belief.Y+5))
	assert.Regexp(t, `^\+[0-9.]+ ms to \+[0-9.]+ ms \([0-9.]+ ms\): client 2 believed that it held the lock; the recording ended before that`,
		b.texts(figure(jump) + " .readout")[0])

	wheel := func(modifiers ...chromedp.Modifier) {
		b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseWheel, x, y, chromedp.ButtonModifiers(modifiers...),
			func(p *input.DispatchMouseEventParams) { p.DeltaX, p.DeltaY = 1, -200 })) // both are required
	}
	wheel()
	assert.Equal(t, whole, b.axis(jump), "the page scrolls")
	wheel(chromedp.ModifierCtrl)
	assert.NotEqual(t, whole, b.axis(jump))
	b.do(chromedp.Click(figure(jump) + ` button[aria-label="show everything"]`))

	svg = b.box(figure(jump) + " svg")
	x, y = svg.X+svg.Width/2, svg.Y+svg.Height/2
	b.do(chromedp.DragAndDropXY(x, y, x+100, y))
	assert.NotEqual(t, whole, b.axis(jump), "what was dragged over is shown")
	assert.Greater(t, b.box(figure(jump)+" .item.overlap rect").Width, svg.Width/2)
}

func TestKeyboard(t *testing.T) {
	b := open(t, jump)
	whole := b.axis(jump)
	b.do(chromedp.Focus(figure(jump)+" svg"), chromedp.KeyEvent("+"))
	closer := b.axis(jump)
	assert.NotEqual(t, whole, closer)
	b.do(chromedp.KeyEvent(kb.ArrowRight))
	panned := b.axis(jump)
	assert.NotEqual(t, closer, panned)
	b.do(chromedp.KeyEvent(kb.ArrowLeft))
	assert.Equal(t, closer, b.axis(jump))
	b.do(chromedp.KeyEvent("-"))
	assert.Equal(t, whole, b.axis(jump))

	b.do(chromedp.KeyEvent(kb.Tab))
	focused := `document.activeElement.getAttribute("aria-label")`
	first := eval[string](b, "%s", focused)
	assert.Contains(t, first, "links of client 1 to D partition")
	assert.Equal(t, []string{first}, b.texts(figure(jump)+" .readout"))
	assert.True(t, eval[bool](b, `document.activeElement.matches(":focus-visible")`))
	b.do(chromedp.KeyEvent(kb.Tab))
	assert.NotEqual(t, first, eval[string](b, "%s", focused))
	b.do(chromedp.KeyEvent(kb.Enter))
	assert.NotEqual(t, whole, b.axis(jump))
	b.do(chromedp.KeyEvent("0"))
	assert.Equal(t, whole, b.axis(jump))
}

func TestSkip(t *testing.T) {
	b := open(t, jump)
	b.do(chromedp.Focus(figure(jump)+` button[aria-label="skip the timeline"]`), chromedp.KeyEvent(kb.Enter))
	assert.Equal(t, "Events, numbers, and the command that repeats it", eval[string](b, `document.activeElement.textContent`))
}

// A timeline can leave the page as a picture. With -pictures they're written to the documents: of new experiments, on
// real servers.
func TestPictures(t *testing.T) {
	for subject, scenarios := range drawn(t) {
		page := address
		if *pictures != "" {
			page = "file://" + filepath.Join(t.TempDir(), "page.html")
			args := append([]string{"run", "--html", strings.TrimPrefix(page, "file://"), "--backend", "redis", "--subject", subject}, scenarios...)
			out, err := exec.Command(program, args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
		}
		for _, scenario := range scenarios {
			name := scenario + "." + subject
			t.Run(name, func(t *testing.T) {
				text := picture(t, page, name)
				if *pictures != "" {
					require.NoError(t, os.WriteFile(filepath.Join(*pictures, scenario+".svg"), []byte(text), 0o644))
				}
			})
		}
	}
}

// picture is that of an experiment on a page. It's well-formed.
func picture(t *testing.T, page, name string) string {
	b := openPage(t, page, name)
	b.size(900)
	b.do(chromedp.WaitVisible(figure(name) + ` svg[viewBox^="0 0 8"]`))
	text := eval[string](b, `document.querySelector(%q).timeline.picture()`, figure(name))
	assert.Contains(t, text, "Timeline of "+name)
	assert.NotContains(t, text, "tabindex")
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return text
		}
		require.NoError(t, err)
	}
}

// drawn lists the experiments of which docs/experiments.md shows a picture, scenarios by subject, as far as they're on
// the page or to be drawn anew.
func drawn(t *testing.T) map[string][]string {
	var catalogue struct {
		Scenarios []struct{ Name, Picture string }
	}
	out, err := exec.Command(program, "list", "--json").Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &catalogue))
	all := make(map[string][]string)
	for _, s := range catalogue.Scenarios {
		wanted := slices.Contains(onPage, s.Name) && slices.Contains(subjects, s.Picture)
		if *pictures != "" {
			wanted = *only == "" || slices.Contains(strings.Split(*only, ","), s.Name)
		}
		if wanted {
			all[s.Picture] = append(all[s.Picture], s.Name)
		}
	}
	require.NotEmpty(t, all)
	return all
}
