package redlock

import (
	"regexp"
	"slices"
	"strings"
)

// commandCall is how a script calls a command. Every call names its command literally, which a
// test sees to.
var commandCall = regexp.MustCompile(`redis\.p?call\(\s*['"](\w+)['"]`)

// plainCommands are the ones that clients send by themselves. SELECT is go-redis's, for another
// database than 0.
var plainCommands = []string{"EVAL", "EVALSHA", "GET", "INFO", "SELECT", "SET", "SUBSCRIBE"}

// scriptSources are the scripts, all of them.
func scriptSources() []string {
	return []string{recordSource, grantSource, confirmSource, extendSource, extendPlainSource, releaseSource, enrolSource, admitSource, inspectSource, lineSource, waitSource, tellSource}
}

// lockCommands returns every command that the library has a server carry out, sorted. The
// scripts say which; a list beside them would be out of date some day.
func lockCommands() []string {
	commands := slices.Clone(plainCommands)
	for _, source := range scriptSources() {
		for _, call := range commandCall.FindAllStringSubmatch(source, -1) {
			commands = append(commands, strings.ToUpper(call[1]))
		}
	}
	slices.Sort(commands)
	return slices.Compact(commands)
}

// derivedKeys lead from a lock's name to the other keys that it has on a single server.
var derivedKeys = []func(name string) string{
	func(name string) string { return recordKey(name, false) },
	func(name string) string { return lineKey(name, false) },
}

// ACLRule returns the command that gives a Redis user every right that this library needs, for
// locks whose names begin with the prefix, and no other right. It adds to what the user has. A new
// user needs a password in it as well:
//
//	ACL SETUSER locks on >password …
//
// The rule is for single servers. For a Redis Cluster, add ~{PREFIX* (see docs/servers.md).
//
// An empty user is "default", an empty prefix stands for all names. The version is the server's
// redis_version in INFO; before 6.2 a rule about channels would be an error, and needn't be. If
// it's empty it's taken to be a later one.
//
// The result is for redis-cli's prompt; a shell would need quotes. What needs quotes in redis-cli
// is a ? in it, which stands for any byte.
//
// https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
func ACLRule(user, prefix, version string) string {
	if user == "" {
		user = "default"
	}
	words := []string{"ACL", "SETUSER", user}
	for _, p := range patterns(prefix, derivedKeys, func(name string) string { return name }) {
		words = append(words, "~"+p)
	}
	if prefix != "" {
		words = append(words, "~"+markerKey)
	}
	if hasChannelRules(version) {
		words = append(words, "&"+channelPrefix+"*")
	}
	for _, command := range lockCommands() {
		words = append(words, "+"+strings.ToLower(command))
	}
	return strings.Join(words, " ")
}

// patterns returns a pattern for what becomes of the names with that prefix, as short as can be:
// where two of them would do, the wider one.
func patterns(prefix string, derive []func(string) string, more ...func(string) string) []string {
	// Neither byte can be in a prefix that anybody types. With a hash tag in it, a name's keys
	// look otherwise.
	const rest, tagged = "\x00", "\x00{\x01}"
	var all []string
	for _, key := range append(slices.Clone(more), derive...) {
		for _, name := range []string{prefix + rest, prefix + tagged} {
			fixed, _, _ := strings.Cut(key(name), rest)
			p := escape(fixed) + "*"
			if !slices.ContainsFunc(all, func(wider string) bool { return strings.HasPrefix(p, strings.TrimSuffix(wider, "*")) }) {
				all = append(all, p)
			}
		}
	}
	return all
}

// escape makes a pattern that matches the text. A pattern of an ACL can't have spaces in it.
func escape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case strings.IndexByte(`*?[\`, c) >= 0:
			b.Write([]byte{'\\', c})
		case c <= ' ' || c == 0x7f || c == '"' || c == '\'':
			b.WriteByte('?')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// hasChannelRules reports whether a server of that version knows channels in ACLs.
// https://raw.githubusercontent.com/redis/redis/6.2/00-RELEASENOTES
func hasChannelRules(version string) bool {
	return !strings.HasPrefix(version, "6.0.") && !strings.HasPrefix(version, "6.1")
}
