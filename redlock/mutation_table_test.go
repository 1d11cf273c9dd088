//go:build mutation

package redlock_test

var mutations = []mutation{
	{
		"no drift allowance", "a lock counts as valid until its TTL ends by the holder's clock",
		[]edit{{"clockdrift/window.go", "length := ttl - Allowance(ttl, driftFactor)", "length := ttl"}},
	},
	{
		"no release of a failed attempt", "the votes of an attempt that failed stay until their TTL ends",
		[]edit{{"redlock/acquire.go", "l.release(name, a.token, lo.ttl, a.doubts)", "_ = a.doubts"}},
	},
	{
		"no release after late replies", "a release that was lost, or that overtook its acquisition, isn't sent again",
		[]edit{{"redlock/release.go", "pause := min(l.options.nodeTimeout<<min(sent, 10), longestPause)",
			"pause := min(l.options.nodeTimeout<<min(sent, 10), longestPause)\n\t\t\tif sent >= 0 {\n\t\t\t\treturn 0, false\n\t\t\t}"}},
	},
	{
		"no restart guard", "a voter that has forgotten its locks grants them again",
		[]edit{{"redlock/scripts/grant.lua", "if wait > 0 then", "if false then"}},
	},
	{
		"no clock guard", "a voter whose clock is wrong has a vote",
		[]edit{{"redlock/outcome.go", "case suspect > 0:", "case suspect < 0:"}},
	},
	{
		"no comparison at first contact", "a client that meets a voter after its clock jumped trusts it",
		[]edit{{"clockdrift/vet.go", "v.compare(exact, m.tolerated(i, now), now)", "v.standing, _ = agreeing, exact"},
			{"clockdrift/vet.go", "v.passes = m.known(v, now, m.config.Precision) && meets(rough, m.tolerated(i, now))", "_, v.passes = rough, true"}},
	},
	{
		"no look for jumps", "a client that knows a voter's clock doesn't notice that it jumps",
		[]edit{{"clockdrift/monitor.go", "if moved > m.tolerable(now.received-old.sent) {", "if moved > 1<<62 {"},
			{"clockdrift/monitor.go", "sudden = sudden || moved > m.tolerable(now.received-next.sent)", "_ = next"}},
	},
	{
		"no ghost guard", "a request that was stuck plants a lock for nobody",
		[]edit{{"redlock/scripts/grant.lua", "if now > tonumber(ARGV[5]) then", "if false then"}},
	},
	{
		"no time limit for offers", "an offer to restore that was stuck plants a lock that's over",
		[]edit{{"redlock/scripts/extend.lua", "if time[1] * 1000000 + time[2] > tonumber(ARGV[6]) then", "if false then"}},
	},
	{
		"extension bounded by the new deadline", "a lock counts as extended before a majority has agreed",
		[]edit{{"redlock/lock.go", "	current, loss := lk.window, lk.loss\n",
			"	if lk.loss == nil {\n\t\tlk.window = clockdrift.NewWindow(start, lk.ttl, l.options.driftFactor)\n\t}\n	current, loss := lk.window, lk.loss\n"}},
	},
	{
		"no confirmation", "where the voters granted different values, the largest is the fencing token",
		[]edit{{"redlock/acquire.go", "_, err = a.ask(ctx, opConfirm, token)", "err = nil"}},
	},
	{
		"no look at the clock after the replies", "an acquisition counts although its window has closed",
		[]edit{{"redlock/acquire.go", "outcome.Result == quorum.Won && a.window.Open(l.options.clock.Now())", "outcome.Result == quorum.Won"}},
	},
	{
		"an expired lock is revived", "an extension counts although the present deadline has passed",
		[]edit{{"redlock/lock.go", "\tif lk.remaining() == 0 {", "\tif false {"}},
	},
	{
		"release of anybody's lock", "a voter deletes the lock whoever holds it",
		[]edit{{"redlock/scripts/release.lua", "if owner == ARGV[1] then", "if owner then"}},
	},
	{
		"extension of anybody's lock", "a voter extends the lock whoever holds it",
		[]edit{{"redlock/scripts/extend.lua", "if owner and owner ~= ARGV[1] then", "if false then"}},
	},
	{
		"half is a majority", "two of five voters, or one of three, are enough",
		[]edit{{"quorum/tally.go", "return n/2 + 1", "return n / 2"}},
	},
	{
		"restoring lowers the register", "a voter that takes a lock back forgets the fencing tokens since",
		[]edit{{"redlock/scripts/extend.lua", "register = math.max(register, tonumber(ARGV[4]))", "register = tonumber(ARGV[4])"}},
	},
}
