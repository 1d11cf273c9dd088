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
	if _, after, found := strings.Cut(name, "{"); found && strings.Index(after, "}") > 0 {
		return name + fenceSuffix
	}
	return "{" + name + "}" + fenceSuffix
}

// queueKey chooses a name's queue at the voters: FNV-1a, the same in every process.
func queueKey(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}
