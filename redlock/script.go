package redlock

import (
	"context"
	_ "embed"

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
)

var operationNames = [...]string{"acquire", "confirm", "extend", "release", "look", "admit", "extend"}

func (op operation) String() string { return operationNames[op] }

func (op operation) extends() bool { return op == opExtend || op == opExtendPlain }

var (
	//go:embed scripts/record.lua
	recordSource string
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

	scripts = [...]*redis.Script{
		opAcquire:     redis.NewScript(recordSource + grantSource),
		opConfirm:     redis.NewScript(recordSource + confirmSource),
		opExtend:      redis.NewScript(recordSource + extendSource),
		opRelease:     redis.NewScript(recordSource + releaseSource),
		opLook:        redis.NewScript(recordSource + enrolSource),
		opAdmit:       redis.NewScript(recordSource + admitSource),
		opExtendPlain: redis.NewScript(extendPlainSource),
	}
)

// runScript adds a script to the pipeline: by its hash, or in full.
func runScript(ctx context.Context, pipe redis.Pipeliner, op operation, full bool, keys []string, args []any) *redis.Cmd {
	if full {
		return scripts[op].Eval(ctx, pipe, keys, args...)
	}
	return scripts[op].EvalSha(ctx, pipe, keys, args...)
}

func unknownScript(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }
