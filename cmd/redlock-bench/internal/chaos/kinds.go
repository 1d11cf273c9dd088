package chaos

import "github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"

// Kinds returns the names by which faults are selected and counted, in the order in which reports list them.
func Kinds() []string {
	var names []string
	for _, v := range nemesis.Variants() {
		names = append(names, v.Name)
	}
	return names
}

// KindOf is the name under which a fault counts.
func KindOf(f nemesis.Fault) string { return f.Variant() }
