package cli

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

const (
	// readWidth is where text is wrapped if nothing says how wide it may be: in a file, or in a pipe.
	readWidth = 100
	// leastWidth is the least that anything is fitted into.
	leastWidth = 40
)

// Width is how many columns w has: those of a terminal, or $COLUMNS, or 0 if nobody knows.
func Width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return max(width, leastWidth)
		}
	}
	if width, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && width > 0 {
		return max(width, leastWidth)
	}
	return 0
}

// Wrap breaks text into lines of a width, between words. All lines but the first begin with so many blanks more. A
// width of 0 is one that reads well. Words that are longer than a line stay whole: they may be there to be copied.
func Wrap(s string, width, indent int) string {
	if width == 0 {
		width = readWidth
	}
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(s) {
		long := text.StringWidthWithoutEscSequences(word)
		switch {
		case i == 0:
		case column+1+long > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += long
	}
	return b.String()
}

// Hang wraps text that begins in a column, and begins its further lines there. A width of 0 is one that reads well.
func Hang(s string, width, column int) string {
	if width == 0 {
		width = readWidth
	}
	return strings.ReplaceAll(Wrap(s, width-column, 0), "\n", "\n"+strings.Repeat(" ", column))
}

// Columns writes rows below a header. Where they're wider than width, which 0 never is, the columns are shared out
// to several tables, one below the other; each repeats the first column. Cells may have colours.
func Columns(width int, header []string, rows [][]string) string {
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(cell))
		}
	}
	var b strings.Builder
	for first := 1; first == 1 || first < len(header); {
		wide, end := widths[0], first
		for end < len(header) && (end == first || width == 0 || wide+2+widths[end] <= width) {
			wide += 2 + widths[end]
			end++
		}
		if first > 1 {
			b.WriteByte('\n')
		}
		line := func(row []string) {
			var l strings.Builder
			l.WriteString(padded(row[0], widths[0]))
			for i := first; i < end; i++ {
				l.WriteString("  " + padded(row[i], widths[i]))
			}
			b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
		}
		line(header)
		b.WriteString(strings.Repeat("─", wide) + "\n")
		for _, row := range rows {
			line(row)
		}
		first = max(end, first+1)
	}
	return b.String()
}

func padded(cell string, width int) string {
	return cell + strings.Repeat(" ", max(0, width-text.StringWidthWithoutEscSequences(cell)))
}

// Definitions writes names, each with what it means beside it; where that leaves too little room, below it.
func Definitions(width, margin int, definitions [][2]string) string {
	names := 0
	for _, d := range definitions {
		names = max(names, text.StringWidthWithoutEscSequences(d[0]))
	}
	if width == 0 {
		width = readWidth
	}
	var b strings.Builder
	left := strings.Repeat(" ", margin)
	for _, d := range definitions {
		indent := margin + names + 2
		if width-indent < leastWidth {
			indent = margin + 4
			b.WriteString(left + d[0] + "\n" + strings.Repeat(" ", indent))
		} else {
			b.WriteString(left + padded(d[0], names) + "  ")
		}
		b.WriteString(Hang(d[1], width, indent) + "\n")
	}
	return b.String()
}
