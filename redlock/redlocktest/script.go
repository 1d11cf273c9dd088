package redlocktest

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/alicebob/miniredis/v2/server"
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// scripts runs the scripts of clients. miniredis does that, too, but makes an interpreter for
// each run, which takes ten times as long as one of a lock's scripts, and has errors of its own;
// a node keeps one. All that's out of the ordinary is left to miniredis: transactions, and
// scripts that use one of the words below.
//
// The node's exec guards it.
type scripts struct {
	server  *server.Server
	known   map[string]*lua.FunctionProto // by hash
	lua     *lua.LState
	globals *lua.LTable
	sha     string       // of the script that runs
	caller  *server.Peer // has the state of the connection that runs a script
	replies bytes.Buffer // to what a script calls
	writer  *bufio.Writer
	reader  *bufio.Reader
}

// unusual are the words that make a script miniredis's business: functions that aren't here,
// and a command that changes the state of the connection.
var unusual = wordSet(`_G cjson cmsgpack bit struct os debug require load loadstring dofile loadfile
	getfenv setfenv getmetatable setmetatable rawget rawset rawequal random randomseed coroutine collectgarbage
	log setresp sha1hex set_repl replicate_commands breakpoint select`)

// notFromScript are the commands that a script may not call.
var notFromScript = wordSet(`auth hello client quit reset multi exec discard watch unwatch subscribe unsubscribe
	psubscribe punsubscribe eval evalsha eval_ro evalsha_ro script function fcall config`)

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

func newScripts(s *server.Server) *scripts {
	r := &scripts{server: s, known: map[string]*lua.FunctionProto{}}
	r.writer = bufio.NewWriter(&r.replies)
	r.reader = bufio.NewReader(&r.replies)
	r.caller = server.NewPeer(r.writer)
	r.lua = lua.NewState(lua.Options{SkipOpenLibs: true})
	for _, open := range []lua.LGFunction{lua.OpenBase, lua.OpenTable, lua.OpenString, lua.OpenMath} {
		r.lua.Push(r.lua.NewFunction(open))
		r.lua.Call(0, 0)
	}
	r.globals = r.lua.NewTable()
	for _, name := range strings.Fields("assert error ipairs next pairs pcall select tonumber tostring type unpack xpcall string table math") {
		r.globals.RawSetString(name, r.lua.GetGlobal(name))
	}
	api := r.lua.SetFuncs(r.lua.NewTable(), map[string]lua.LGFunction{
		"call":         func(l *lua.LState) int { return r.call(l, true) },
		"pcall":        func(l *lua.LState) int { return r.call(l, false) },
		"error_reply":  errorReply,
		"status_reply": func(l *lua.LState) int { return single(l, "ok", l.CheckString(1)) },
	})
	r.globals.RawSetString("redis", api)
	r.globals.RawSetString("server", api)
	strict := r.lua.NewTable()
	for event, what := range map[string]string{"__index": "access nonexistent", "__newindex": "create"} {
		strict.RawSetString(event, r.lua.NewFunction(func(l *lua.LState) int {
			l.RaiseError("Script attempted to %s global variable '%s'", what, l.Get(2).String())
			return 0
		}))
	}
	r.globals.Metatable = strict
	return r
}

// note learns a script from the command that loads it.
func (r *scripts) note(args []string) {
	var source string
	switch name := strings.ToUpper(args[0]); {
	case name == "EVAL" && len(args) > 1:
		source = args[1]
	case name == "SCRIPT" && len(args) > 2 && strings.EqualFold(args[1], "LOAD"):
		source = args[2]
	case name == "SCRIPT" && len(args) > 1 && strings.EqualFold(args[1], "FLUSH"):
		r.forget()
		return
	default:
		return
	}
	sha := hash(source)
	if _, known := r.known[sha]; known {
		return
	}
	chunk, err := parse.Parse(strings.NewReader(source), "user_script")
	if err != nil {
		return
	}
	if script, err := lua.Compile(chunk, "user_script"); err == nil && !usesUnusual(script) {
		r.known[sha] = script
	}
}

func hash(source string) string { return fmt.Sprintf("%x", sha1.Sum([]byte(source))) }

func (r *scripts) forget() { clear(r.known) }

func usesUnusual(script *lua.FunctionProto) bool {
	for _, c := range script.Constants {
		if s, ok := c.(lua.LString); ok && unusual[strings.ToLower(string(s))] {
			return true
		}
	}
	for _, inner := range script.FunctionPrototypes {
		if usesUnusual(inner) {
			return true
		}
	}
	return false
}

// run executes EVAL and EVALSHA, or returns false when miniredis has to do it.
func (r *scripts) run(peer *server.Peer, args []string) bool {
	if len(args) < 3 {
		return false
	}
	switch {
	case strings.EqualFold(args[0], "EVAL"):
		r.sha = hash(args[1])
	case strings.EqualFold(args[0], "EVALSHA"):
		r.sha = strings.ToLower(args[1])
	default:
		return false
	}
	script := r.known[r.sha]
	keys, err := strconv.Atoi(args[2])
	if script == nil || err != nil || keys < 0 || keys > len(args)-3 {
		return false
	}
	r.caller.Ctx, r.caller.Resp3 = peer.Ctx, false
	r.globals.RawSetString("KEYS", r.list(args[3:3+keys]))
	r.globals.RawSetString("ARGV", r.list(args[3+keys:]))
	f := r.lua.NewFunctionFromProto(script)
	f.Env = r.globals
	top := r.lua.GetTop()
	r.lua.Push(f)
	if err := r.lua.PCall(0, 1, nil); err != nil {
		r.lua.SetTop(top)
		peer.WriteError(r.failure(err))
		return true
	}
	result := r.lua.Get(-1)
	r.lua.SetTop(top)
	peer.Block(func(w *server.Writer) { writeValue(w, result) })
	return true
}

// failure is what the server says of a script that failed: the error of the command that it
// called or its own, and where.
func (r *scripts) failure(err error) string {
	message, line := err.Error(), "1"
	failure := (*lua.ApiError)(nil)
	if errors.As(err, &failure) {
		if reply, ok := failure.Object.(*lua.LTable); ok {
			message = reply.RawGetString("err").String()
			if at, ok := reply.RawGetString("line").(lua.LString); ok {
				line = string(at)
			}
		} else {
			message = failure.Object.String()
			if at := luaLine.FindStringSubmatch(message); at != nil {
				line = at[1]
			}
			message = "ERR " + message
		}
	}
	return fmt.Sprintf("%s script: %s, on @user_script:%s.", message, r.sha, line)
}

var luaLine = regexp.MustCompile(`^user_script:(\d+):`)

func (r *scripts) list(args []string) *lua.LTable {
	t := r.lua.CreateTable(len(args), 0)
	for _, a := range args {
		t.Append(lua.LString(a))
	}
	return t
}

// call is redis.call and redis.pcall.
func (r *scripts) call(l *lua.LState, raise bool) int {
	args := make([]string, l.GetTop())
	for i := range args {
		switch a := l.Get(i + 1).(type) {
		case lua.LNumber, lua.LString:
			args[i] = a.String()
		default:
			return raiseReply(l, "ERR Lua redis lib command arguments must be strings or integers", raise)
		}
	}
	if len(args) == 0 {
		return raiseReply(l, "ERR Please specify at least one argument for this redis lib call", raise)
	}
	r.replies.Reset()
	r.reader.Reset(&r.replies)
	if name := strings.ToLower(args[0]); unusual[name] || notFromScript[name] || blocks(strings.ToUpper(args[0]), args) {
		r.caller.WriteError(msgNotFromScript)
	} else {
		r.server.Dispatch(r.caller, args)
	}
	_ = r.writer.Flush() // to memory
	reply, err := server.ParseReply(r.reader)
	if err == nil {
		l.Push(r.value(reply))
		return 1
	}
	message := err.Error()
	if strings.HasPrefix(message, "ERR wrong number of arguments for") {
		message = "ERR Wrong number of args calling Redis command from script"
	}
	return raiseReply(l, message, raise)
}

// raiseReply ends the script with an error reply, or returns it to the script.
func raiseReply(l *lua.LState, message string, raise bool) int {
	single(l, "err", message)
	if raise {
		if at := luaLine.FindStringSubmatch(l.Where(1)); at != nil {
			l.Get(-1).(*lua.LTable).RawSetString("line", lua.LString(at[1]))
		}
		l.Error(l.Get(-1), 0)
	}
	return 1
}

// value turns a reply into what a script sees of it.
func (r *scripts) value(reply any) lua.LValue {
	switch reply := reply.(type) {
	case nil:
		return lua.LFalse
	case int:
		return lua.LNumber(reply)
	case string:
		return lua.LString(reply)
	case server.Simple:
		t := r.lua.NewTable()
		t.RawSetString("ok", lua.LString(reply))
		return t
	case []any:
		t := r.lua.CreateTable(len(reply), 0)
		for _, e := range reply {
			t.Append(r.value(e))
		}
		return t
	}
	panic(fmt.Sprintf("redlocktest: a script called a command that returned a %T", reply))
}

// writeValue turns what a script returns into a reply.
func writeValue(w *server.Writer, v lua.LValue) {
	switch v := v.(type) {
	case lua.LBool:
		if v {
			w.WriteInt(1)
		} else {
			w.WriteNull()
		}
	case lua.LNumber:
		w.WriteInt(int(v))
	case lua.LString:
		w.WriteBulk(string(v))
	case *lua.LTable:
		if e := v.RawGetString("err"); e != lua.LNil {
			w.WriteError(e.String())
		} else if ok := v.RawGetString("ok"); ok != lua.LNil {
			w.WriteInline(ok.String())
		} else {
			n := 0 // up to the first nil
			for v.RawGetInt(n+1) != lua.LNil {
				n++
			}
			w.WriteLen(n)
			for i := range n {
				writeValue(w, v.RawGetInt(i+1))
			}
		}
	default:
		w.WriteNull()
	}
}

func errorReply(l *lua.LState) int {
	message := strings.TrimPrefix(l.CheckString(1), "-")
	if !strings.Contains(message, " ") {
		message = "ERR " + message
	}
	return single(l, "err", message)
}

// single pushes a table with one field.
func single(l *lua.LState, name, text string) int {
	t := l.NewTable()
	t.RawSetString(name, lua.LString(text))
	l.Push(t)
	return 1
}
