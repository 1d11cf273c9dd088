package browsertest

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// contrast computes the ratio that WCAG 2.2 defines under "contrast ratio", between two of the
// page's named colours.
const contrast = `((a, b) => {
	const probe = document.body.appendChild(document.createElement("i"));
	const luminance = (name) => {
		probe.style.color = "var(--" + name + ")";
		const parts = getComputedStyle(probe).color.match(/\d+/g).slice(0, 3).map((v) => v / 255);
		const [red, green, blue] = parts.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
	};
	const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
	probe.remove();
	return (high + 0.05) / (low + 0.05);
})(%q, %q)`

func TestColoursAreLegible(t *testing.T) {
	b := open(t, "clock-jump.classic")
	var backgrounds []string
	for _, scheme := range []string{"light", "dark"} {
		b.prefer(scheme)
		backgrounds = append(backgrounds, eval[string](b, `getComputedStyle(document.body).backgroundColor`))
		for _, name := range []string{"ink", "muted", "link", "held", "violated", "unknown", "clock"} {
			assert.GreaterOrEqual(t, eval[float64](b, contrast, name, "paper"), 4.5, "%s, %s", name, scheme)
		}
		for _, bar := range []string{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "violated"} {
			assert.GreaterOrEqual(t, eval[float64](b, contrast, "on", bar), 4.5, "an inscription on %s, %s", bar, scheme)
		}
		shape := eval[string](b, `getComputedStyle(document.querySelector(".item.overlap .shape")).fill`)
		band := eval[string](b, `getComputedStyle(document.querySelector(".band")).fill`)
		assert.NotEqual(t, shape, band)
		for _, colour := range []string{shape, band} {
			assert.True(t, eval[bool](b, `(([r, g, b]) => r > 1.4 * g && r > 1.4 * b)(%q.match(/\d+/g).map(Number))`, colour), "%s is red", colour)
		}
	}
	require.Len(t, backgrounds, 2)
	assert.NotEqual(t, backgrounds[0], backgrounds[1])
}

func TestVerdictsDontDependOnColour(t *testing.T) {
	b := open(t, "")
	for selector, mark := range map[string]string{"td .verdict.held": "✓", "td .verdict.violated": "✕", ".hero .verdict.violated": "✕"} {
		texts := b.texts(selector)
		require.NotEmpty(t, texts)
		for _, text := range texts {
			assert.Contains(t, text, mark)
		}
	}
}

func TestReadableWithoutScript(t *testing.T) {
	b := newTab(t)
	b.withoutScript()
	b.do(chromedp.Navigate(address))
	text, err := chromedp.Run(b.ctx, chromedp.TextContent(`[id="clock-jump.classic"]`))
	require.NoError(t, err)
	assert.Contains(t, text, "The timeline needs JavaScript.")
	assert.Contains(t, text, "node C clock jumped by 10s")
}
