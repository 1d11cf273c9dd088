package browsertest

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestOpensOnAViolation looks at what a reader sees first.
func TestOpensOnAViolation(t *testing.T) {
	b := open(t, "")
	b.size(1400)
	b.do(chromedp.WaitVisible(figure("hero-classic")+" .item"), chromedp.WaitVisible(figure("hero-guarded")+" .item"))
	said := b.texts(".hero .sentence")
	require.Len(t, said, 2)
	assert.Regexp(t, `^✕ classic: for \d+ ms client 1 and client 2 both believed that they held the lock, because the clock `, said[0])
	assert.Contains(t, said[1], "✓ guarded: never did two clients believe at once")
	assert.Equal(t, []string{"fault", "client 1", "client 2", "both", "node C"}, b.texts(figure("hero-classic")+" .lane-name"))

	broken, held := b.box(figure("hero-classic")+" svg"), b.box(figure("hero-guarded")+" svg")
	assert.Less(t, broken.X+broken.Width, held.X+1, "beside each other")
	assert.InDelta(t, broken.Y, held.Y, 1)
	assert.Less(t, broken.Y+broken.Height, 900.0, "without scrolling")
	b.size(390)
	broken, held = b.box(figure("hero-classic")+" svg"), b.box(figure("hero-guarded")+" svg")
	assert.Less(t, broken.Y+broken.Height, held.Y, "one below the other on a phone")
}

// TestALongFaultIsNotCutOff gives the fault that the page opens on other names and other times, on pages of three widths.
func TestALongFaultIsNotCutOff(t *testing.T) {
	const margins = `((label, share) => {
		const t = document.querySelector(%q).timeline, lane = t.data.lanes.find((l) => l.kind === "fault");
		Object.assign(lane.items[0], { l: label, s: t.begin + share * (t.data.end - t.begin) });
		t.width = 0;
		t.build();
		const drawn = t.svg.querySelector(".moment .label"), box = drawn.getBBox();
		return [drawn.textContent === label, box.x - (t.gutter - 8), t.right + 8 - box.x - box.width, lane.top + lane.height + 9 - box.y - box.height].map(Number);
	})(%q, %v)`
	b := open(t, "")
	b.do(chromedp.WaitVisible(figure("hero-classic") + " .item"))
	for _, width := range []int64{390, 800, 1400} {
		b.size(width)
		for _, label := range []string{"lost every key", "counts time at 0.992 times", "client 1 and client 2 are cut off from nodes A, B and C"} {
			for _, share := range []float64{0, 0.2, 0.45, 0.5, 0.55, 0.8, 1} {
				got := eval[[]float64](b, margins, figure("hero-classic"), label, share)
				assert.Equal(t, 1.0, got[0], "all of it")
				for i, side := range []string{"left", "right", "bottom"} {
					assert.GreaterOrEqual(t, got[i+1], -1.0, "%s of %q at %v, %d wide", side, label, share, width)
				}
			}
		}
	}
}

// TestReadsInOrder looks at the order of the page: what was found, which locks there are, then the tables, with this
// module's lock first, then the experiments.
func TestReadsInOrder(t *testing.T) {
	b := open(t, "")
	headings := b.texts("h2")
	require.Len(t, headings, 5)
	assert.Equal(t, []string{"The locks", "Verdicts", "Experiments", "About this run"}, headings[1:])
	assert.Equal(t, []string{"guarded", "classic"}, b.texts(".subjects dt"))
	for _, row := range eval[[]string](b, `[...document.querySelectorAll(".grid thead tr")].map((r) => r.children[1].textContent)`) {
		assert.Equal(t, "guarded (this library)", row)
	}
}

// TestTimelinesAreOpen scrolls, and clicks nowhere.
func TestTimelinesAreOpen(t *testing.T) {
	b := open(t, "")
	const last = "pause-after-check.guarded"
	eval[chromedp.Void](b, `document.querySelector(%q).scrollIntoView()`, figure(last))
	b.do(chromedp.WaitVisible(figure(last) + " .item"))
	assert.Positive(t, b.box(figure(last)+" .item").Width)
}

// TestOneOverlapHasOneNumber compares all places that tell of the same overlap.
func TestOneOverlapHasOneNumber(t *testing.T) {
	b := open(t, jump)
	number := func(text string) string { return regexp.MustCompile(`\d[\d.]* ms`).FindString(text) }
	want := number(b.texts(`td a[href="#clock-jump.classic"]`)[0])
	require.NotEmpty(t, want)
	article := `[id="clock-jump.classic"] `
	assert.Equal(t, want, number(b.texts(".hero .sentence")[0]))
	assert.Equal(t, want, number(b.texts(article + "h4")[0]))
	assert.Equal(t, want, regexp.MustCompile(`for ([\d.]+ ms) `).FindStringSubmatch(b.texts(article + ".findings li")[0])[1])
	assert.Equal(t, want, b.texts(figure(jump) + " .item.overlap .label")[0])
	assert.Contains(t, b.labels(figure(jump) + " .item.overlap")[0], "("+want+")")
	assert.Contains(t, strings.Join(b.texts(article+".facts dd"), "\n"), "\n"+want+"\n")
}

// TestTheSameWriteHasTheSameMark compares the plain register's cells of two locks.
func TestTheSameWriteHasTheSameMark(t *testing.T) {
	b := open(t, "")
	plain := map[string]string{}
	for _, lock := range []string{"classic", "guarded"} {
		cells := b.texts(`td a[href="#pause-after-check.` + lock + `"] .verdict`)
		require.Len(t, cells, 3, "the verdict, and two answers about writes")
		plain[lock] = strings.TrimSpace(cells[1])
	}
	assert.Equal(t, "✕ 1 plain", plain["classic"])
	assert.Equal(t, plain["classic"], plain["guarded"])
}

func TestTheEndOfTheRecordingIsLabelled(t *testing.T) {
	b := open(t, jump)
	assert.Equal(t, []string{"end of the recording", "beliefs go on until the locks’ time is up"}, b.texts(figure(jump)+" .seen-name"))
	line, label := b.box(figure(jump)+" .seen"), b.box(figure(jump)+" .seen-name")
	assert.Less(t, min(abs(label.X-line.X), abs(label.X+label.Width-line.X)), 12.0, "beside its line")

	b.size(360) // the longer one has no room
	assert.Eventually(t, func() bool {
		return eval[int](b, `[...document.querySelectorAll(%q)].filter((e) => e.getClientRects().length > 0).length`, figure(jump)+" .seen-name") == 1
	}, 5*time.Second, 20*time.Millisecond)
}

// TestWhatIsDrawnIsExplained looks for what strangers asked about: which node it is that breaks the lock, what goes on
// behind the end of the recording, and rows with nothing in them.
func TestWhatIsDrawnIsExplained(t *testing.T) {
	b := open(t, "clock-jump.guarded")
	captions := strings.Join(b.texts(".hero .captions li"), "\n")
	assert.Contains(t, captions, "Client 1 reaches only nodes A, B and C; client 2 reaches only nodes C, D and E. They have only node C in common.")
	assert.Contains(t, captions, "The recording ends, at the dotted line")
	assert.True(t, eval[bool](b, `document.querySelector(".reading").open`))

	eval[chromedp.Void](b, everything)
	// Under guarded, node C may drop the lock before anybody looks, or a moment later.
	assert.Empty(t, eval[[]string](b, `[...document.querySelectorAll(".timeline")].flatMap((f) => f.timeline.data.lanes.flatMap((lane) =>
		lane.rows.filter((name, i) => !lane.items.some((item) => (item.r ?? 0) === i)).map((name) => f.dataset.name + ": " + lane.name + " " + name)))`), "rows with nothing in them")
	rows := eval[[]string](b, `[...document.querySelectorAll(".reading dt")].map((e) => e.textContent)`)
	for _, row := range b.texts("#experiments .row-name, #experiments .lane-name") {
		if row = regexp.MustCompile(`^link \d$`).ReplaceAllString(row, "link 1"); row != "" && !regexp.MustCompile(`^(client|node) |^(plain|fenced)$`).MatchString(row) {
			assert.Contains(t, rows, row, "it isn't explained")
		}
	}
}

// TestWideTablesOnAPhone scrolls a table: its first column stays, and something says that there is more.
func TestWideTablesOnAPhone(t *testing.T) {
	b := open(t, "")
	b.size(320)
	const table = `[...document.querySelectorAll(".scroll")].find((s) => s.scrollWidth > s.clientWidth + 40)`
	require.True(t, eval[bool](b, `!!(%s)`, table), "one is wide enough")
	assert.Eventually(t, func() bool { // the page is told of its size a moment later
		return strings.Contains(eval[string](b, `getComputedStyle(%s, "::before").content`, table), "scroll sideways")
	}, 5*time.Second, 20*time.Millisecond)
	name := eval[float64](b, `%s.querySelector("tbody th").getBoundingClientRect().left`, table)
	eval[chromedp.Void](b, `%s.scrollLeft = 40`, table)
	assert.InDelta(t, name, eval[float64](b, `%s.querySelector("tbody th").getBoundingClientRect().left`, table), 1, "the first column stays")
	for _, question := range b.texts(".question") {
		assert.NotEmpty(t, question)
	}
	assert.LessOrEqual(t, eval[float64](b, `Math.max(...[...document.querySelectorAll(".question")].map((q) => q.getBoundingClientRect().right))`), 320.0, "no question is cut off")
	b.size(1400)
	assert.Eventually(t, func() bool { return eval[int](b, `document.querySelectorAll(".scroll.wide").length`) == 0 }, tabTimeout/4, 10e6, "no hint where all is seen")
}

// TestOnPaper has everything drawn and open, and nothing that would need a pointer.
func TestOnPaper(t *testing.T) {
	b := open(t, "")
	b.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		return err
	}))
	eval[chromedp.Void](b, `dispatchEvent(new Event("beforeprint"))`)
	assert.Zero(t, eval[int](b, `[...document.querySelectorAll(".timeline svg")].filter((svg) => !svg.querySelector(".item")).length`), "all are drawn")
	assert.Zero(t, eval[int](b, `document.querySelectorAll("details:not([open])").length`))
	assert.Equal(t, "none", eval[string](b, `getComputedStyle(document.querySelector(".tools")).display`))
	assert.Equal(t, "none", eval[string](b, `getComputedStyle(document.querySelector(".reading p")).display`), "paper can't be pointed at")
	assert.LessOrEqual(t, eval[float64](b, `Math.max(...[...document.querySelectorAll(".timeline svg")].map((svg) => svg.getBoundingClientRect().height))`), 12*96/2.54+1,
		"a drawing leaves room for words on its page")
	assert.Equal(t, "rgb(255, 255, 255)", eval[string](b, `getComputedStyle(document.body).backgroundColor`))
	eval[chromedp.Void](b, `dispatchEvent(new Event("afterprint"))`)
	assert.Positive(t, eval[int](b, `document.querySelectorAll("details:not([open])").length`), "as it was")
}

func abs(f float64) float64 { return max(f, -f) }
