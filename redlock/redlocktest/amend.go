package redlocktest

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2/server"
)

// amend answers what miniredis would answer otherwise than a real server, in a way that the
// user of a lock can meet. It returns false for everything else.
func (n *Node) amend(p *server.Peer, name string, args []string) bool {
	switch {
	case blocks(name, args):
		// A command from a script: execute has refused the others. It would wait for ever,
		// since the node executes nothing else meanwhile.
		p.WriteError(msgNotFromScript)
	case !n.server.IsRegisteredCommand(name):
		p.WriteError("ERR Unknown Redis command called from script") // as above
	case name == "SELECT" && len(args) == 1 && outside(args[0], 0, databases-1):
		p.WriteError("ERR DB index is out of range")
	case name == "AUTH" && len(args) == 2:
		authenticate(p, args[0])
	case name == "HELLO":
		hello(p, args)
	case invalidExpiry(name, args):
		p.WriteError("ERR invalid expire time in '" + strings.ToLower(name) + "' command")
	default:
		return false
	}
	return true
}

const (
	msgNotFromScript = "ERR This Redis command is not allowed from script"
	msgWrongPass     = "WRONGPASS invalid username-password pair or user is disabled."

	// databases is a server's number of databases unless configured otherwise.
	databases = 16
)

// outside tells whether s is an integer that isn't one of least to most.
func outside(s string, least, most int64) bool {
	v, err := strconv.ParseInt(s, 10, 64)
	return err == nil && (v < least || v > most)
}

// maxTTL is the longest time to live that miniredis can count, 292 years. It takes more for
// less than none, and removes the key.
const maxTTL = int64(math.MaxInt64 / time.Millisecond)

// invalidExpiry tells whether a command asks for a time to live that's beyond maxTTL, or for
// none where there must be one.
func invalidExpiry(name string, args []string) bool {
	switch name {
	case "PEXPIRE", "EXPIRE", "PEXPIREAT", "EXPIREAT":
		return len(args) >= 2 && tooLong(args[1], -maxTTL, name[0] == 'P')
	case "PSETEX", "SETEX":
		return len(args) == 3 && tooLong(args[1], 1, name[0] == 'P')
	case "SET", "GETEX":
		from := 1
		if name == "SET" {
			from = 2
		}
		for i := from; i+1 < len(args); i++ {
			option := strings.ToUpper(args[i])
			if slices.Contains([]string{"PX", "EX", "PXAT", "EXAT"}, option) && tooLong(args[i+1], 1, option[0] == 'P') {
				return true
			}
		}
	}
	return false
}

// tooLong tells whether s is a number of milliseconds or seconds outside least to maxTTL.
func tooLong(s string, least int64, milliseconds bool) bool {
	if milliseconds {
		return outside(s, least, maxTTL)
	}
	return outside(s, max(least, -maxTTL/1000), maxTTL/1000)
}

// unknownCommand is the error for a command that doesn't exist, with the beginning of its arguments.
func unknownCommand(args []string) string {
	var list strings.Builder
	for _, a := range args[1:] {
		left := 128 - list.Len()
		if left <= 0 {
			break
		}
		list.WriteString("'" + a[:min(len(a), left)] + "' ")
	}
	return "ERR unknown command '" + args[0][:min(len(args[0]), 128)] + "', with args beginning with: " + list.String()
}

// authenticate answers AUTH with a user's name. The default user has no password, and takes any.
func authenticate(p *server.Peer, user string) {
	if user == "default" {
		p.WriteOK()
		return
	}
	p.WriteError(msgWrongPass)
}

// hello answers HELLO, which changes nothing before all of it is understood.
func hello(p *server.Peer, args []string) {
	resp3, name := p.Resp3, p.ClientName
	if len(args) > 0 {
		version, err := strconv.Atoi(args[0])
		switch {
		case err != nil:
			p.WriteError("ERR Protocol version is not an integer or out of range")
			return
		case version != 2 && version != 3:
			p.WriteError("NOPROTO unsupported protocol version")
			return
		}
		resp3, args = version == 3, args[1:]
	}
	for len(args) > 0 {
		switch option := strings.ToUpper(args[0]); {
		case option == "AUTH" && len(args) >= 3:
			if args[1] != "default" {
				p.WriteError(msgWrongPass)
				return
			}
			args = args[3:]
		case option == "SETNAME" && len(args) >= 2:
			name, args = args[1], args[2:]
		default:
			p.WriteError("ERR Syntax error in HELLO option '" + args[0] + "'")
			return
		}
	}
	p.Resp3, p.ClientName = resp3, name
	p.Block(func(w *server.Writer) {
		w.WriteMapLen(7)
		for _, s := range []string{"server", "redis", "version", redisVersion, "proto"} {
			w.WriteBulk(s)
		}
		w.WriteInt(map[bool]int{false: 2, true: 3}[resp3])
		w.WriteBulk("id")
		w.WriteInt(1)
		for _, s := range []string{"mode", "standalone", "role", "master", "modules"} {
			w.WriteBulk(s)
		}
		w.WriteLen(0)
	})
}
