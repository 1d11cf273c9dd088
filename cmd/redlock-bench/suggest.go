package main

import (
	"fmt"
	"strings"
)

// unknownName is the error for a name that isn't among the known ones. It suggests the nearest
// one if that's near.
func unknownName(what, name string, known []string) error {
	best, distance := "", len(name)/2+1
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	hint := ""
	if best != "" {
		hint = fmt.Sprintf(" Did you mean %q?", best)
	}
	return fmt.Errorf("there is no %s %q.%s There are: %s", what, name, hint, strings.Join(known, ", "))
}

// editDistance is Levenshtein's: how many bytes to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
