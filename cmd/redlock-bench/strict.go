package main

import (
	"strconv"

	"github.com/spf13/pflag"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// strictness is the flag --strict. Unless it's given, it's for the programs of --worker: of other
// subjects it's known what they do.
type strictness struct{ given, on bool }

func (s *strictness) register(flags *pflag.FlagSet) {
	flags.BoolFunc("strict", "exit with status 1 on any violation of a lock or its tokens, expected or not (default for the programs of --worker)", func(value string) (err error) {
		s.given = true
		s.on, err = strconv.ParseBool(value)
		return err
	})
}

func (s strictness) with(sub subject.Subject) bool {
	if s.given {
		return s.on
	}
	return sub.Stranger
}
