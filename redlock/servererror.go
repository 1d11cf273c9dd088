package redlock

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/redis/go-redis/v9"
)

// noRunID begins what a script says of a server whose INFO lacks the run id, which is what tells
// a server that has restarted from one that hasn't.
const noRunID = "NORUNID"

// diagnosis is what an error of a server, or of the connection to it, means to whoever waits for
// the lock.
type diagnosis struct {
	// outcome is Unfit where the same request can't succeed before somebody changes something: the
	// server's configuration, the user's rights, the key, the locker's own options. It's TimedOut
	// where nothing came in time, and else Failed, which may pass by itself.
	outcome Outcome
	// cause is a clause about the server, such as "its memory is full"; empty where the error's
	// own text has to do.
	cause string
	// remedy says what to do about it; empty where that's to wait.
	remedy string
}

// connection is what a client's options say of how it reaches its server.
type connection struct {
	user    string // empty stands for "default"
	tls     bool
	cluster bool // the client follows redirections
	wrapped bool // the client is of a type that isn't go-redis's
}

// diagnose classifies an error that a server answered with or that its connection came to, also
// where it's the result of a whole pipeline: go-redis keeps the error of a connection that can't
// be set up (AUTH, SELECT, HELLO refused) there only, and none of the commands has it.
func diagnose(err error, c connection) diagnosis {
	if text, replied := serverText(err); replied {
		return diagnoseReply(text, c)
	}
	return diagnoseConnection(err, c)
}

// explain wraps an error with its diagnosis. The result matches the error. It doesn't match [ErrUnfit],
// which says that a majority is unfit.
func explain(err error, c connection) (Outcome, error) {
	d := diagnose(err, c)
	if d.cause == "" && d.outcome != Unfit {
		return d.outcome, err
	}
	return d.outcome, &diagnosedError{d, err}
}

type diagnosedError struct {
	diagnosis
	err error
}

func (e *diagnosedError) Error() string {
	s := e.err.Error()
	if e.cause != "" {
		s = fmt.Sprintf("%s (%s)", e.cause, s)
	}
	if e.remedy != "" {
		s += "; " + e.remedy
	}
	return s
}

func (e *diagnosedError) Unwrap() error { return e.err }

// replyRule recognises a reply by its beginning, after [serverText].
type replyRule struct {
	begins  string
	outcome Outcome
	cause   string
	remedy  string
}

// Remedies that depend on the client. diagnoseReply puts the whole text in their place.
const (
	useCluster = "use a cluster client"
	giveRights = "give rights"
)

// The texts are those of Redis 6.0 to 8.0 and of Valkey, see testdata/servererrors.txt. The first
// that fits counts. No text of a server appears in two versions with two meanings.
var replyRules = []replyRule{
	// The key.
	{"WRONGTYPE", Unfit, "the lock's name, or a key derived from it, is other data there",
		"give the lock another name, or delete what isn't a lock"},
	{"redlock: not a record of a lock", Unfit, "what should be the lock's record is other data there",
		"give the lock another name, or delete what isn't a record"},
	{"redlock: fencing register", Unfit, "the lock's fencing register can't grow any further",
		"delete the register if something else has written it, or give the lock another name"},

	// Rights.
	{"NOPERM", Unfit, "its user lacks a right that locks need", giveRights},
	{"ACL failure in script", Unfit, "its user lacks a right that locks need", giveRights},
	{"The user executing the script can't", Unfit, "its user lacks a right that locks need", giveRights},
	{"NOAUTH", Unfit, "it wants a password", "put user and password into the URL or the client's options"},
	{"Protocol error: unauthenticated", Unfit, "it wants a password", "put user and password into the URL or the client's options"},
	{"WRONGPASS", Unfit, "it doesn't take this user and password, or the user is switched off",
		"correct the client's user and password, or see ACL LIST at the server"},
	{"AUTH <password> called without any password", Unfit, "it has no password, but the client gives one",
		"take the password out of the client's options, or set requirepass at the server"},
	{"Client sent AUTH, but no password is set", Unfit, "it has no password, but the client gives one",
		"take the password out of the client's options, or set requirepass at the server"},
	{"DENIED", Unfit, "it takes connections from its own machine only (protected mode)",
		"set a password, and bind it to the address that clients use"},

	// The kind of server.
	{"CROSSSLOT", Unfit, "it's part of a cluster, which can't keep the lock's keys together", useCluster},
	{"MOVED", Unfit, "it's part of a cluster, and the key lives on another of its nodes", useCluster},
	{"ASK ", Unfit, "it's part of a cluster, and the key is moving to another of its nodes", useCluster},
	{"Script attempted to access a", Unfit, "it's part of a cluster, and a key of the lock lives on another of its nodes", useCluster},
	{"Lua script attempted to access a", Unfit, "it's part of a cluster, and a key of the lock lives on another of its nodes", useCluster},
	{"SELECT is not allowed in cluster mode", Unfit, "it's part of a cluster, which has no databases but 0", useCluster},
	{"DB index is out of range", Unfit, "it doesn't have so many databases",
		"correct the client's database number, or raise databases in the server's configuration"},
	{"invalid DB index", Unfit, "it doesn't have such a database", "correct the client's database number"},
	{"Unknown Redis command called from", Unfit, "it lacks a command that locks need",
		"remove its rename-command from the server's configuration, or use another server"},
	{"Unknown command called from", Unfit, "it lacks a command that locks need",
		"remove its rename-command from the server's configuration, or use another server"},
	{"This Redis command is not allowed from", Unfit, "it forbids scripts a command that locks need (Redis Software and Redis Cloud forbid INFO)",
		"use WithoutGuards, or another server"},
	{sameServer, Unfit, "another address leads to it, too, and the vote of one server must not count twice",
		"make them lead to two servers; it counts by itself then, after the longest TTL at the latest"},
	{noRunID, Unfit, "it doesn't tell its run id, so restarts can't be noticed", "use WithoutGuards, or another server"},

	// What passes.
	{"LOADING", Failed, "it's starting, and reads its data from disk", ""},
	{"BUSY", Failed, "a script of somebody's keeps it busy", ""},
	{"Script killed by user", Failed, "somebody ended the script", ""},
	{"MASTERDOWN", Failed, "it's a replica that has lost its master", "put the address of the master into the client's options, or wait for a failover"},
	{"CLUSTERDOWN", Failed, "its cluster is down, or nobody serves this key's slot", "see CLUSTER INFO at the server"},
	{"TRYAGAIN", Failed, "its cluster is moving the lock's keys", ""},
	{"READONLY", Failed, "it's a replica", "put the address of the master into the client's options, or wait for a failover"},
	{"OOM", Failed, "its memory is full", "free some, or raise maxmemory; locks shouldn't share a server with a cache"},
	{"MISCONF", Failed, "it can't write to its disk", "see the server's log"},
	{"NOREPLICAS", Failed, "too few replicas follow it for min-replicas-to-write", ""},
	{"max number of clients", Failed, "it has as many clients as it takes", "raise maxclients, or find out who doesn't close connections (CLIENT LIST)"},
}

func diagnoseReply(text string, c connection) diagnosis {
	if name, found := unknownCommand(text); found {
		return lacksCommand(name)
	}
	for _, r := range replyRules {
		if !strings.HasPrefix(text, r.begins) {
			continue
		}
		d := diagnosis{r.outcome, r.cause, r.remedy}
		switch {
		case r.remedy == giveRights:
			d.remedy = "at the server: " + ACLRule(c.user, "PREFIX", "") +
				" (PREFIX is what the locks' names begin with; Redis 6.0 knows no rule with &)"
		case r.remedy == useCluster && c.cluster && r.begins != "CROSSSLOT":
			// go-redis follows a few redirections. If more are needed, slots are on the move.
			d = diagnosis{Failed, "its cluster is moving the lock's keys", ""}
		case r.remedy == useCluster && c.cluster:
			d.remedy = "give the lock a name with a hash tag, such as {job}"
		case r.remedy == useCluster && c.wrapped:
			d.remedy = "if it's a redis.ClusterClient that is wrapped, give New that itself, or embed it in the wrapper; else use redis.NewClusterClient, one for each cluster, or servers that are none"
		case r.remedy == useCluster:
			d.remedy = "use redis.NewClusterClient, one for each cluster, or servers that are none"
		}
		return d
	}
	return diagnosis{outcome: Failed}
}

// scriptTrace is what servers put around the error of a command that a script called. Redis 6
// adds up to three of these in front, later ones put theirs behind.
var (
	scriptTrace = regexp.MustCompile(`^(ERR )?(Error running script( \(call to f_[0-9a-f]+\))?: )?(@?user_script: ?[0-9]+: )*-?(ERR )?`)
	scriptPlace = regexp.MustCompile(` script: [0-9a-f]+, on @user_script:[0-9]+\.?$`)
)

// serverText returns what a server said, without the places in scripts. The error of a script's
// command so begins like that of a command by itself.
func serverText(err error) (text string, replied bool) {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return "", false
	}
	text = scriptPlace.ReplaceAllString(reply.Error(), "")
	return text[len(scriptTrace.FindString(text)):], true
}

// Redis 6 puts the name into backticks, later versions into quotes.
var unknownCommandText = regexp.MustCompile("^unknown command ['`]([^'`]*)")

// unknownCommand returns the command that a server says it doesn't know.
func unknownCommand(text string) (name string, found bool) {
	if m := unknownCommandText.FindStringSubmatch(text); m != nil {
		return strings.ToUpper(m[1]), true
	}
	return "", false
}

func lacksCommand(name string) diagnosis {
	if name == "EVAL" || name == "EVALSHA" {
		return diagnosis{Unfit, "it runs no scripts", "locks can't do without: remove rename-command for EVAL and EVALSHA from its configuration, or use another server"}
	}
	remedy := "remove its rename-command from the server's configuration, or use another server"
	if name == "INFO" {
		remedy += ", or WithoutGuards"
	}
	return diagnosis{Unfit, "it lacks the command " + name, remedy}
}
