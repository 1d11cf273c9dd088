package load

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// sweeps are the things that a series of runs can differ in, by the names of their flags.
var sweeps = map[string]func(*Config) *int{
	"nodes":      func(c *Config) *int { return &c.Nodes },
	"goroutines": func(c *Config) *int { return &c.Goroutines },
	"processes":  func(c *Config) *int { return &c.Processes },
	"names":      func(c *Config) *int { return &c.Names },
	"rate":       func(c *Config) *int { return &c.Rate },
}

// Sweeps names them.
func Sweeps() []string { return slices.Sorted(maps.Keys(sweeps)) }

// Sweep reads what a series is to go through, such as "nodes=1,3,5", and returns what differs and the load
// of every run, all of which are good. An empty one is a single run of config.
func (c Config) Sweep(text string) (over string, all []Config, err error) {
	if text == "" {
		err := c.Check()
		return "", []Config{c}, err
	}
	over, values, _ := strings.Cut(text, "=")
	field := sweeps[over]
	if field == nil {
		return "", nil, fmt.Errorf("--sweep %s: give one of %s, as in --sweep nodes=1,3,5", text, strings.Join(Sweeps(), ", "))
	}
	for word := range strings.SplitSeq(values, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return "", nil, fmt.Errorf("--sweep %s: %q: give whole numbers from 1 on, separated by commas", text, word)
		}
		run := c
		*field(&run) = n
		if err := run.Check(); err != nil {
			return "", nil, fmt.Errorf("--sweep %s: %w", text, err)
		}
		all = append(all, run)
	}
	return over, all, nil
}

// Value is what a run has of what a sweep goes over.
func (c *Config) Value(over string) int { return *sweeps[over](c) }
