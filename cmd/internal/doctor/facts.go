package doctor

import (
	"strconv"
	"strings"
	"time"
)

// facts are what a server says of itself. A question that it refused leaves its error.
type facts struct {
	// err says why the server couldn't be asked; all else is void then.
	err error
	// addresses are those of its host.
	addresses []string

	info    fields // replies to INFO
	infoErr error

	settings    map[string]string // replies to CONFIG GET
	settingsErr error

	marker    marker
	markerErr error

	refused  []refusal // what the probe script was refused
	probeErr error     // why the script itself was
	lockErr  error     // why no lock could be taken
}

// refusal is one command that the server didn't carry out, and what it said.
type refusal struct{ command, message string }

// marker is what redlock keeps in a voter about its enrolment; see enrol.lua of that package.
type marker struct {
	known   bool
	runID   string        // of the server that was enrolled
	until   time.Time     // from when on it votes, by the agreed time; zero while nobody has said
	longest time.Duration // the longest TTL of the locks that it granted
	now     time.Time     // by the server's clock, when all this was read
}

// fields are those of a reply to INFO.
type fields map[string]string

func parseFields(text string) fields {
	f := make(fields)
	for line := range strings.Lines(text) {
		if name, value, found := strings.Cut(strings.TrimSpace(line), ":"); found {
			f[name] = value
		}
	}
	return f
}

// number returns a field that counts something; false if the server doesn't have it.
func (f fields) number(name string) (float64, bool) {
	n, err := strconv.ParseFloat(f[name], 64)
	return n, err == nil
}

// master reports whether the server takes writes, as far as it says so.
func (f *facts) master() bool { return f.infoErr != nil || f.info["role"] == "master" }
