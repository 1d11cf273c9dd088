package redlock

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/a5bbb083/redlock/quorum"
	"github.com/a5bbb083/redlock/redlock/internal/member"
)

// A list of nodes is changed by way of lockers that need a majority of the old list and one of the new. They share a voter with
// whoever goes by one of the lists, so they work beside either, and [Locker.Change] makes sure that those two don't work beside each other.

// Joining is for replacing servers: the locker counts a majority of its own servers, and one of these. Roll it out to all lockers with
// the new list, let [Locker.Change] or the command redlock quorum change move the voters to that, and then roll out the new list
// alone. docs/operations.md has the steps. Servers of both lists are those with the same address, or name; see [WithVoterNames]. A list
// that's the locker's own changes nothing. It's for [Dial]; [New] takes [JoiningNodes].
func Joining(urls ...string) Option { return func(o *options) { o.joinURLs = urls } }

// JoiningNodes is [Joining] for [New].
func JoiningNodes(nodes ...redis.UniversalClient) Option {
	return func(o *options) { o.joinNodes = nodes }
}

// roll is the list of voters, each once, and which of them are in which set.
type roll struct {
	clients []redis.UniversalClient
	names   []string // to call them by
	ids     []string // that the sets are made of
	sets    [][]int  // the locker's own, and the one that it joins
	spare   []redis.UniversalClient
}

// enlist returns the roll of the nodes and of those that are joined, after looking for mistakes.
func (o *options) enlist(nodes, joined []redis.UniversalClient) (roll, error) {
	var r roll
	if n := len(nodes) + len(joined); o.names != nil && len(o.names) != n {
		of := ""
		if len(joined) > 0 {
			of = ", those of Joining included"
		}
		return r, fmt.Errorf("%w: %d names for %d nodes%s; WithVoterNames needs one for each", ErrInvalidOption, len(o.names), n, of)
	}
	first := 0
	for _, list := range [][]redis.UniversalClient{nodes, joined} {
		if first > 0 && len(list) == 0 {
			break
		}
		names, err := nodeNames(list)
		if err != nil {
			return r, err
		}
		given := o.names != nil
		if i := slices.IndexFunc(list, func(c redis.UniversalClient) bool { return !addressed(c) }); i >= 0 && !given && joined != nil {
			return r, fmt.Errorf("%w: node %s has no address to know it by in both lists; give WithVoterNames together with Joining", ErrInvalidOption, names[i])
		}
		if given {
			names = o.names[first : first+len(list)]
		}
		if err := r.add(list, names, given); err != nil {
			return r, err
		}
		first += len(list)
	}
	if _, err := nodeNames(r.clients); err != nil { // one server under two names
		return r, err
	}
	if len(r.sets) == 2 && slices.Equal(slices.Sorted(slices.Values(r.sets[0])), slices.Sorted(slices.Values(r.sets[1]))) {
		r.sets = r.sets[:1]
	}
	return r, nil
}

func (r *roll) add(list []redis.UniversalClient, names []string, given bool) error {
	var set []int
	for i, name := range names {
		id := name
		if !given {
			id = canonical(name)
		}
		at := slices.Index(r.ids, id)
		if at >= 0 && slices.Contains(set, at) {
			return fmt.Errorf("%w: two nodes are named %q; the names must differ", ErrInvalidOption, name)
		}
		if at < 0 {
			at = len(r.ids)
			r.clients, r.names, r.ids = append(r.clients, list[i]), append(r.names, name), append(r.ids, id)
		} else {
			r.spare = append(r.spare, list[i])
		}
		set = append(set, at)
	}
	r.sets = append(r.sets, set)
	return nil
}

// adviseNumbers is adviseNumber for each list.
func (r *roll) adviseNumbers(ctx context.Context) {
	for _, set := range r.sets {
		adviseNumber(ctx, len(set))
	}
}

func newMembers(group string, r roll) *members {
	m := &members{electorate: quorum.Joint(r.sets...), field: "voters", own: "", joined: ""}
	if group != "" {
		m.field = "voters:" + group
	}
	for _, set := range r.sets {
		ids := make([]string, len(set))
		for i, voter := range set {
			ids[i] = r.ids[voter]
		}
		m.config = append(m.config, member.Electorate{Set: member.NewSet(ids), Voters: set})
	}
	m.own = m.config[0].ID
	if len(m.config) == 2 {
		m.joined = m.config[1].ID
	}
	return m
}
