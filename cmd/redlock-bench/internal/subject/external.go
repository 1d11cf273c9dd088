package subject

// Peers returns the lock libraries of others that the module cmd/redlock-peers has workers for,
// without the command that runs these.
func Peers() []Subject {
	return []Subject{
		{Name: "redsync", About: "github.com/go-redsync/redsync, a Redlock, with its defaults",
			Traits: textbook | NoHealing | CancelledCleanup},
		{Name: "redsync-setnx", About: "redsync with WithSetNXOnExtend", Traits: textbook | Revives | CancelledCleanup},
		{Name: "redsync-failfast", About: "redsync with WithFailFast",
			Traits: textbook&^WaitsForAll | NoHealing | CancelledCleanup},
		{Name: "rueidislock", About: "github.com/redis/rueidis/rueidislock on one node; it renews itself",
			// The server tells it when its key vanishes, and its requests carry the time at which the key expires.
			SingleNode: true, Traits: NeedsOneNode | AnyList | TimerEndsBelief | WaitsForAll | RefusesItself},
		{Name: "bsm", About: "github.com/bsm/redislock, on one node",
			SingleNode: true, Traits: NeedsOneNode | textbook&^RefusesItself},
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
