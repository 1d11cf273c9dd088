package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/a5bbb083/redlock/cmd/internal/cli"
	"github.com/a5bbb083/redlock/redlock"
)

// What the servers say of their list, together.
const (
	voting   = "voting"
	changing = "changing"
	unformed = "unformed"
	divided  = "divided"
	noServer = "no answer"
)

// quorumStatus is the JSON form of quorum status.
type quorumStatus struct {
	State   string         `json:"state"`
	Voters  []string       `json:"voters"`
	Servers []serverStatus `json:"servers"`
}

type serverStatus struct {
	Node          string   `json:"node"`
	Voters        []string `json:"voters"`
	Generation    int64    `json:"generation"`
	Changing      bool     `json:"changing"`
	ServedAloneMS *float64 `json:"served_alone_ms"`
	WaitsMS       float64  `json:"waits_ms"`
	Error         string   `json:"error,omitempty"`
}

func statusOf(members []redlock.Membership) quorumStatus {
	s := quorumStatus{State: noServer}
	for _, m := range members {
		v := serverStatus{Node: m.Node, Voters: m.Voters, Generation: m.Generation, Changing: m.Changing, WaitsMS: milliseconds(m.Waits)}
		if m.ServedAlone {
			ago := milliseconds(m.ServedAgo)
			v.ServedAloneMS = &ago
		}
		if m.Err != nil {
			v.Error = cli.Redact(m.Err.Error())
		}
		s.Servers = append(s.Servers, v)
		if m.Err == nil {
			s.add(v)
		}
	}
	return s
}

func milliseconds(d time.Duration) float64 { return float64(d.Milliseconds()) }

// add counts a server that has answered.
func (s *quorumStatus) add(v serverStatus) {
	state := voting
	switch {
	case v.Generation == 0:
		state = unformed
	case v.Changing:
		state = changing
	}
	switch {
	case s.State == noServer:
		s.State, s.Voters = state, v.Voters
		if state == unformed {
			s.Voters = nil
		}
	case state == unformed && s.State == unformed:
	case !slices.Equal(s.Voters, v.Voters) || state == unformed || s.State == unformed:
		s.State, s.Voters = divided, nil
	case state == changing:
		s.State = changing
	}
}

// write writes it for people.
func (s *quorumStatus) write(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "SERVER\tVOTES FOR\tGENERATION\tSERVED ALONE")
	for _, v := range s.Servers {
		list, generation, alone := "-", "-", "-"
		if v.Voters != nil {
			list, generation = text(strings.Join(v.Voters, ",")), fmt.Sprint(v.Generation)
		}
		if v.Changing {
			generation += " (changing)"
		}
		if v.ServedAloneMS != nil {
			alone = (time.Duration(*v.ServedAloneMS) * time.Millisecond).String() + " ago"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", v.Node, list, generation, alone)
	}
	_ = t.Flush() // a strings.Builder doesn't fail
	b.WriteString("\n" + s.summary() + "\n")
	for _, v := range s.Servers {
		if v.Error != "" {
			fmt.Fprintf(&b, "\n%s: %s\n", v.Node, v.Error)
		}
		if v.WaitsMS > 0 {
			fmt.Fprintf(&b, "\n%s: it doesn't vote for another %v, since it may have forgotten locks\n", v.Node, time.Duration(v.WaitsMS)*time.Millisecond)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// summary says it in a line.
func (s *quorumStatus) summary() string {
	list := text(strings.Join(s.Voters, ","))
	switch s.State {
	case voting:
		return "The servers vote for " + list + "."
	case changing:
		return "A change to " + list + " is under way, and serves programs that join both lists. Run redlock quorum change again to complete it."
	case unformed:
		return "The servers know of no list yet. The first program that locks decides it, or redlock quorum init."
	case divided:
		return "The servers don't agree. A change may be under way, which redlock quorum change completes; one that was gone or has forgotten is told by the programs that lock."
	}
	return "No server answered."
}
