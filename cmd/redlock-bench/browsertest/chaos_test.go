package browsertest

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestChaosPage looks at the page of "redlock-bench chaos --html": with a lock that breaks at once, so that there is an
// overlap to open on.
func TestChaosPage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "chaos.html")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	chaos := exec.CommandContext(ctx, program, "chaos", "--subject", "guarded,broken", "--clients", "3", "--ttl", "400ms", "--duration", "5s", "--faults", "pause-client=1,partition=1", "--html", page)
	out, err := chaos.Output()
	require.NotEmpty(t, out, err) // a busy machine may leave a verdict unknown

	b := newTab(t)
	var e events
	require.NoError(t, chromedp.Listen(b.ctx, e.listen))
	b.do(chromedp.Navigate("file://"+page), chromedp.WaitVisible(`.hero .item.overlap`))
	assert.Regexp(t, `^Under \d+ random faults?, broken let two clients hold the lock at once, \d+ times; guarded, this library’s lock, never\.$`, b.texts("h1")[0])
	assert.Regexp(t, `^Availability for safety: guarded was available for `, b.texts("header .totals")[0])
	assert.Equal(t, "guarded (this library)", b.texts(".measures thead th")[1])
	eval[chromedp.Void](b, everything)
	assert.Equal(t, 4, eval[int](b, `document.querySelectorAll(".plan .timeline").length`), "10 TTLs each")
	assert.Equal(t, 4, eval[int](b, `[...document.querySelectorAll(".plan .timeline")].filter((f) => f.querySelector(".item")).length`), "drawn")
	for _, width := range []int64{390, 800, 1400} {
		b.size(width)
		assert.LessOrEqual(t, eval[int64](b, `document.documentElement.scrollWidth`), width, "no sideways scrolling")
	}
	_, complaints := e.seen()
	assert.Empty(t, complaints)
}
