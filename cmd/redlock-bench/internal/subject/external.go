package subject

// Peers returns the lock libraries of others that the module cmd/redlock-peers has workers for,
// without the command that runs these.
func Peers() []Subject {
	return []Subject{
		{Name: "redsync", About: "github.com/go-redsync/redsync, a Redlock, with its defaults"},
		{Name: "redsync-setnx", About: "redsync with WithSetNXOnExtend"},
		{Name: "redsync-failfast", About: "redsync with WithFailFast"},
		{Name: "rueidislock", About: "github.com/redis/rueidis/rueidislock on one node; it renews itself", SingleNode: true},
		{Name: "bsm", About: "github.com/bsm/redislock, on one node", SingleNode: true},
	}
}

// External returns the subject for a program that speaks the worker protocol. It's a peer if it has
// the name of one; otherwise nothing is known about it.
func External(name string, command []string) Subject {
	for _, s := range Peers() {
		if s.Name == name {
			s.Command = command
			return s
		}
	}
	return Subject{Name: name, About: "an external program", Command: command, Stranger: true}
}
