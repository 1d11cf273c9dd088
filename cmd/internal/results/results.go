// Package results says what the JSON files are that the commands write.
//
// What is guaranteed: each file begins with its kind and its version, and testdata/results/schema.json describes all
// kinds. A version only ever gains fields. What would change or remove one is a new version.
package results

// Version is the version of all kinds that this module writes.
const Version = 1

// Kind tells what a file is.
type Kind string

const (
	Run    Kind = "run"    // of "redlock-bench run"
	Chaos  Kind = "chaos"  // of "redlock-bench chaos"
	Claims Kind = "claims" // of "redlock-bench chaos --claims"
	Doctor Kind = "doctor" // of "redlock-bench doctor" and "redlock doctor"
)

// Header is how each file begins.
type Header struct {
	// Kind tells what the file is: "run", "chaos", "claims" or "doctor".
	Kind Kind `json:"kind"`
	// Version is that of the schema.
	Version int `json:"version"`
}

// Of returns the header of a file that is written now.
func Of(k Kind) Header { return Header{k, Version} }
