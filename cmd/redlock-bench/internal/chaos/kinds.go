package chaos

import (
	"github.com/a5bbb083/redlock/cmd/internal/cluster"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
)

// Kinds returns the names by which faults are selected and counted, in the order in which reports list them.
func Kinds() []string { return names(nemesis.Variants()) }

// KindsOn are those that nodes of a backend can have.
func KindsOn(backend cluster.Backend) []string { return names(nemesis.VariantsOn(backend)) }

func names(variants []nemesis.Variant) []string {
	var names []string
	for _, v := range variants {
		names = append(names, v.Name)
	}
	return names
}

// KindOf is the name under which a fault counts.
func KindOf(f nemesis.Fault) string { return f.Variant() }
