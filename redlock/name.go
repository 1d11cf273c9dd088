package redlock

import (
	"fmt"
	"strings"
)

const maxName = 1024 // bytes

// suffixes lead from a name to another key of it: on a single server, and where the name becomes a hash tag.
type suffixes struct{ plain, tagged, what string }

var (
	recordSuffixes = suffixes{":fence", ":fenced", "fencing records"}
	lineSuffixes   = suffixes{":await", ":awaited", "the lines of those who wait"}
)

func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it's empty; name the resource that the lock protects", ErrInvalidName)
	case len(name) > maxName:
		return fmt.Errorf("%w: %d bytes long, at most %d are allowed; use a hash of it", ErrInvalidName, len(name), maxName)
	case strings.HasPrefix(name, markerKey):
		return fmt.Errorf("%w: %q begins with %q, where voters keep their marker; choose another beginning", ErrInvalidName, name, markerKey)
	}
	for _, s := range []suffixes{recordSuffixes, lineSuffixes} {
		for _, suffix := range []string{s.plain, s.tagged} {
			if strings.HasSuffix(name, suffix) {
				return fmt.Errorf("%w: %q ends in %q, which is where %s live; choose another ending", ErrInvalidName, name, suffix, s.what)
			}
		}
	}
	return nil
}

// recordKey returns the key of a name's record.
func recordKey(name string, cluster bool) string { return recordSuffixes.key(name, cluster) }

// lineKey returns the key of the line of those who wait for a name, see scripts/line.lua. Where a cluster can't have one
// beside the name it's the name itself, and nobody stands in line.
func lineKey(name string, cluster bool) string {
	if cluster && checkSlot(name) != nil {
		return name
	}
	return lineSuffixes.key(name, cluster)
}

// key returns another key of a name. No two names share one: none ends in a suffix, and
// which of the two a name gets depends on the name alone. On a single server the key begins with the
// name, as access rules for a prefix require. A Redis Cluster needs it in the name's hash slot, so
// the name becomes the hash tag where it has none:
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
func (s suffixes) key(name string, cluster bool) string {
	if cluster && !hasHashTag(name) {
		return "{" + name + "}" + s.tagged
	}
	return name + s.plain
}

func hasHashTag(name string) bool {
	_, after, found := strings.Cut(name, "{")
	return found && strings.Index(after, "}") > 0
}

// checkSlot refuses the names for which no second key can be in the same hash slot of a
// Redis Cluster: those with a } but without a hash tag.
func checkSlot(name string) error {
	if strings.Contains(name, "}") && !hasHashTag(name) {
		return fmt.Errorf("%w: %q has a } but no hash tag such as {tag}, so a Redis Cluster can't keep another key beside it; choose another name, or WithoutFencing",
			ErrInvalidName, name)
	}
	return nil
}

// queueKey chooses a name's queue at the voters: FNV-1a, the same in every process.
func queueKey(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}
