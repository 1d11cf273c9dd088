package redlock

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// operation is what a request asks of a voter.
type operation uint8

const (
	opAcquire operation = iota
	opConfirm
	opExtend
	opRelease
	opLook  // which time is it, and may the server vote?
	opAdmit // the server votes from a moment on
	opExtendPlain
	opInspect
	opWait // take a place in the line of those who wait, or leave it
	opTell // for which set of voters the server votes
	operations
)

var operationNames = [...]string{"acquire", "confirm", "extend", "release", "look", "admit", "extend", "inspect", "wait", "tell"}

func (op operation) String() string { return operationNames[op] }

func (op operation) extends() bool { return op == opExtend || op == opExtendPlain }

var (
	//go:embed scripts/record.lua
	recordSource string
	//go:embed scripts/each.lua
	eachSource string
	//go:embed scripts/grant.lua
	grantSource string
	//go:embed scripts/confirm.lua
	confirmSource string
	//go:embed scripts/extend.lua
	extendSource string
	//go:embed scripts/extendplain.lua
	extendPlainSource string
	//go:embed scripts/release.lua
	releaseSource string
	//go:embed scripts/enrol.lua
	enrolSource string
	//go:embed scripts/admit.lua
	admitSource string
	//go:embed scripts/inspect.lua
	inspectSource string
	//go:embed scripts/tell.lua
	tellSource string
	//go:embed scripts/line.lua
	lineSource string
	//go:embed scripts/wait.lua
	waitSource string

	scripts = [...]script{
		opAcquire:     newScript(recordSource + eachSource + grantSource),
		opConfirm:     newScript(recordSource + confirmSource),
		opExtend:      newScript(recordSource + extendSource),
		opRelease:     newScript(lineSource + eachSource + releaseSource),
		opLook:        newScript(recordSource + enrolSource),
		opAdmit:       newScript(recordSource + admitSource),
		opExtendPlain: newScript(extendPlainSource),
		opInspect:     newScript(recordSource + inspectSource),
		opTell:        newScript(recordSource + tellSource),
		opWait:        newScript(recordSource + lineSource + waitSource),
	}
)

// script is a script and the hash that servers know it by.
type script struct{ source, hash string }

func newScript(source string) script {
	return script{source, fmt.Sprintf("%x", sha1.Sum([]byte(source)))} // what EVALSHA takes
}

// queueMixed is queueScript for a script that replies with texts, too.
func queueMixed(ctx context.Context, pipe redis.Pipeliner, op operation, args []any, full bool) *redis.SliceCmd {
	cmd := redis.NewSliceCmd(ctx, scriptArgs(op, args, full)...)
	cmd.SetFirstKeyPos(3)
	_ = pipe.Process(ctx, cmd) // it only queues
	return cmd
}

// queueScript adds a script to the pipeline. Its arguments begin with EVALSHA and its hash; in full it's EVAL
// and its source.
func queueScript(ctx context.Context, pipe redis.Pipeliner, op operation, args []any, full bool) *redis.IntSliceCmd {
	cmd := redis.NewIntSliceCmd(ctx, scriptArgs(op, args, full)...)
	cmd.SetFirstKeyPos(3)
	_ = pipe.Process(ctx, cmd) // it only queues
	return cmd
}

func scriptArgs(op operation, args []any, full bool) []any {
	if full {
		return append([]any{"eval", scripts[op].source}, args[2:]...)
	}
	return args
}

func unknownScript(err error) bool { return err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") }

// lacksRight reports whether the server refused a command for the user's rights.
func lacksRight(err error) bool { return err != nil && redis.HasErrorPrefix(err, "NOPERM") }
