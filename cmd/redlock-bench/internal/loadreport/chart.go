package loadreport

import (
	"fmt"
	"math"
	"strings"
)

// The size of a chart and of its margins, in the units of its picture.
const (
	width, height = 560.0, 300.0
	left, right   = 62.0, 26.0
	top, bottom   = 12.0, 40.0
)

// chart is a picture of lines.
type chart struct {
	Title  string
	XTitle string
	Width  float64
	Height float64
	XTicks []tick
	YTicks []tick
	Lines  []line
	Plot   struct{ Left, Right, Top, Bottom float64 }
}

// tick is a mark on an axis.
type tick struct {
	At   float64
	Text string
}

// line is what was measured of one subject.
type line struct {
	Name  string
	Class string
	Path  string
	Dots  []dot
}

// dot is a measurement, with what to say about it.
type dot struct {
	X, Y float64
	Text string
}

// point is a measurement before it's drawn.
type point struct{ X, Y float64 }

// curve is a line before it's drawn.
type curve struct {
	name   string
	points []point
	dotted bool // with a dot at each point
}

// axis is what values are drawn along.
type axis struct {
	title string
	scale
	ticks []float64
	text  func(float64) string // of a value
}

// scale maps values to places on an axis.
type scale struct {
	low, high   float64 // in what is shown
	log         bool
	first, last float64 // places
}

func (s scale) at(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		v, low, high = math.Log10(v), math.Log10(low), math.Log10(high)
	}
	return math.Round((s.first+(v-low)/(high-low)*(s.last-s.first))*10) / 10
}

// draw makes a chart of curves. The y axis is chosen to cover them.
func draw(title string, x axis, logY bool, curves []curve) chart {
	c := chart{Title: title, XTitle: x.title, Width: width, Height: height}
	c.Plot.Left, c.Plot.Right, c.Plot.Top, c.Plot.Bottom = left, width-right, top, height-bottom
	x.first, x.last = c.Plot.Left, c.Plot.Right
	y := cover(curves, logY)
	y.first, y.last = c.Plot.Bottom, c.Plot.Top
	for _, v := range x.ticks {
		c.XTicks = append(c.XTicks, tick{x.at(v), x.text(v)})
	}
	for _, v := range y.round() {
		c.YTicks = append(c.YTicks, tick{y.at(v), short(v)})
	}
	for i, curve := range curves {
		l := line{Name: curve.name, Class: lineClass(i)}
		var path strings.Builder
		for j, p := range curve.points {
			command := "L"
			if j == 0 {
				command = "M"
			}
			px, py := x.at(p.X), y.at(p.Y)
			fmt.Fprintf(&path, "%s%v %v", command, px, py)
			if curve.dotted {
				l.Dots = append(l.Dots, dot{px, py, fmt.Sprintf("%s, %s: %s", curve.name, x.text(p.X), short(p.Y))})
			}
		}
		l.Path = path.String()
		c.Lines = append(c.Lines, l)
	}
	return c
}

// cover is a scale for all curves: from zero, or in full decades.
func cover(curves []curve, log bool) scale {
	low, high := math.Inf(1), 0.0
	for _, c := range curves {
		for _, p := range c.points {
			low, high = min(low, p.Y), max(high, p.Y)
		}
	}
	if !log {
		step := niceStep(high)
		return scale{low: 0, high: step * math.Ceil(high/step)}
	}
	s := scale{low: math.Pow(10, math.Floor(math.Log10(low))), high: math.Pow(10, math.Ceil(math.Log10(high))), log: true}
	if s.low == s.high {
		s.high *= 10
	}
	return s
}

// round lists round values within the scale.
func (s scale) round() []float64 {
	var all []float64
	if s.log {
		for v := s.low; v <= s.high*1.001; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	step := niceStep(s.high)
	for i := 0.0; i*step <= s.high*1.001; i++ {
		all = append(all, i*step)
	}
	return all
}

// niceStep divides a range into about five parts of 1, 2 or 5 times a power of ten.
func niceStep(high float64) float64 {
	if high <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(high/5)))
	for _, m := range []float64{1, 2, 5} {
		if high/(m*power) <= 5 {
			return m * power
		}
	}
	return 10 * power
}

// short writes a number with few digits.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return trimZeros(fmt.Sprintf("%.2f", v/1e6)) + "M"
	case v >= 1e4:
		return trimZeros(fmt.Sprintf("%.1f", v/1e3)) + "k"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return trimZeros(fmt.Sprintf("%.2f", v))
}

func trimZeros(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "0"), ".") }

// lineClass is how the line of the i-th subject looks: the page has seven colours.
func lineClass(i int) string { return fmt.Sprintf("c%d", (i+1)%7) }
