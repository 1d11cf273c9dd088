package redlock

import (
	"fmt"
	"strings"
)

const maxName = 1024 // bytes

const fenceSuffix = ":fence"

func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it's empty; name the resource that the lock protects", ErrInvalidName)
	case len(name) > maxName:
		return fmt.Errorf("%w: %d bytes long, at most %d are allowed; use a hash of it", ErrInvalidName, len(name), maxName)
	case strings.HasSuffix(name, fenceSuffix):
		return fmt.Errorf("%w: %q ends in %q, which is where fencing registers live; choose another ending", ErrInvalidName, name, fenceSuffix)
	}
	return nil
}

// fenceKey returns the key of a name's fencing register. It's in the same hash slot as the
// name wherever that's possible, so that a Redis Cluster can be one voter:
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
func fenceKey(name string) string {
	if hasHashTag(name) {
		return name + fenceSuffix
	}
	return "{" + name + "}" + fenceSuffix
}

func hasHashTag(name string) bool {
	_, after, found := strings.Cut(name, "{")
	return found && strings.Index(after, "}") > 0
}

// checkSlot refuses the names for which no second key can be in the same hash slot of a
// Redis Cluster: those with a } but without a hash tag.
func checkSlot(name string) error {
	if strings.Contains(name, "}") && !hasHashTag(name) {
		return fmt.Errorf("%w: %q has a } but no hash tag such as {tag}, so a Redis Cluster can't keep its fencing register beside it; choose another name, or WithoutFencing",
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
