package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/subject"
)

// judged returns the subjects that the flags ask for.
func (f *runFlags) judged() ([]subject.Subject, error) {
	externals, err := f.externals()
	if err != nil {
		return nil, err
	}
	all := append(subject.All(), externals...)
	if f.subjects == nil {
		return all, nil
	}
	if len(f.subjects) == 0 {
		return nil, fmt.Errorf("--subject: name at least one of %s", strings.Join(names(slices.Concat(all, subject.Hidden())), ", "))
	}
	var chosen []subject.Subject
	for _, name := range unique(f.subjects) {
		i := slices.IndexFunc(all, func(s subject.Subject) bool { return s.Name == name })
		if i >= 0 {
			chosen = append(chosen, all[i])
			continue
		}
		s, err := subject.Find(name)
		switch {
		case err != nil:
			return nil, unknownName("subject", name, names(slices.Concat(all, subject.Hidden())))
		case s.Open == nil:
			return nil, fmt.Errorf("--subject %s: it isn't built in; give the program that runs it with --peers FILE or --worker %s=COMMAND", name, name)
		}
		chosen = append(chosen, s) // a hidden one
	}
	return chosen, f.mustHaveAll(chosen)
}

// mustHaveAll refuses a --worker that --subject leaves out.
func (f *runFlags) mustHaveAll(chosen []subject.Subject) error {
	for _, w := range f.workers {
		name, _, _ := strings.Cut(w, "=")
		if !slices.Contains(names(chosen), name) {
			return fmt.Errorf("--worker %s: --subject doesn't name it; add %s there, or leave out --subject", w, name)
		}
	}
	return nil
}

// externals returns the subjects that are programs.
func (f *runFlags) externals() ([]subject.Subject, error) {
	var externals []subject.Subject
	if f.peers != "" {
		if err := checkPeers(f.peers); err != nil {
			return nil, err
		}
		for _, p := range subject.Peers() {
			externals = append(externals, subject.External(p.Name, []string{f.peers, p.Name}))
		}
	}
	for _, w := range f.workers {
		name, command, _ := strings.Cut(w, "=")
		words := strings.Fields(command)
		if name == "" || len(words) == 0 || strings.ContainsAny(name, ", \t") {
			return nil, fmt.Errorf("--worker %q: give NAME=COMMAND, with a name without commas and blanks", w)
		}
		if _, err := exec.LookPath(words[0]); err != nil {
			return nil, fmt.Errorf("--worker %s: %w", w, err)
		}
		externals = append(externals, subject.External(name, words))
	}
	for i, s := range externals {
		if slices.Contains(names(append(subject.All(), externals[:i]...)), s.Name) {
			return nil, fmt.Errorf("--worker %s: there is a subject of this name already; choose another", s.Name)
		}
	}
	return externals, nil
}

// checkPeers tells whether there is a program of the name that --peers gives.
func checkPeers(file string) error {
	if _, err := exec.LookPath(file); err != nil {
		return fmt.Errorf("--peers: build it with \"go build -C cmd/redlock-peers -o ../../bin/redlock-peers .\": %w", err)
	}
	return nil
}

func names(subjects []subject.Subject) []string {
	var all []string
	for _, s := range subjects {
		all = append(all, s.Name)
	}
	return all
}
