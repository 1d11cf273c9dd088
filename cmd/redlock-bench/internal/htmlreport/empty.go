package htmlreport

import (
	"fmt"
	"slices"
)

// finish is what's done last to a timeline, when nothing is left out of it any more.
func (t *timeline) finish() *timeline {
	t.explainEmpty()
	t.collectTexts()
	return t
}

// explainEmpty says in each row that has nothing in it what it would show. It drops rows that are only there because of
// something that happened, and a window has left that out.
func (t *timeline) explainEmpty() {
	until := min(t.Seen, t.End)
	for i := range t.Lanes {
		l := &t.Lanes[i]
		var dropped []string
		for row, name := range l.Rows {
			if slices.ContainsFunc(l.Items, func(i item) bool { return i.Row == row }) {
				continue
			}
			label, text := l.whyEmpty(name)
			if label == "" {
				dropped = append(dropped, name)
				continue
			}
			l.Items = append(l.Items, item{Kind: "nothing", Row: row, From: t.Begin, Until: max(t.Begin+1, until), Label: label, Text: text})
		}
		l.keepRows(func(row string) bool { return !slices.Contains(dropped, row) })
	}
	t.Lanes = slices.DeleteFunc(t.Lanes, func(l lane) bool { return len(l.Rows) == 0 })
}

// whyEmpty says it for a row: in short, and in a sentence.
func (l *lane) whyEmpty(row string) (label, text string) {
	switch {
	case l.Kind == "events":
		return "nothing to note", "here, there was no fault, and nothing else to note"
	case l.Kind == "client" && row == "asks":
		return "asked for nothing", "here, " + l.Name + " asked for nothing"
	case l.Kind == "client" && row != "process":
		return "no belief", "here, " + l.Name + " didn't believe that it held the lock"
	case l.Kind == "node" && row == "key":
		return "no key seen", fmt.Sprintf("here, %s was never seen to have the lock's key; a key that is gone again before the next look isn't seen", l.Name)
	case l.Kind == "resource":
		return "no writes", "here, nobody wrote to the " + row + " register"
	}
	return "", ""
}
