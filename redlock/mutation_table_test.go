//go:build mutation

package redlock_test

var mutations = []mutation{
	{
		"no release of a failed attempt", "the votes of an attempt that failed stay until their deadline",
		[]edit{{"redlock/acquire.go", "\t\tl.giveBack(&lk.claim, seen.silently)\n\t\treturn nil\n", "\t\treturn nil\n"}},
		"",
	},
	{
		"no restart guard", "a voter that has forgotten its locks grants them again",
		[]edit{{"redlock/scripts/grant.lua", "elseif not marker[1] or earliest < ends then", "elseif false then"}},
		"",
	},
	{
		"the quarantine is measured from before the enrolment", "it's over before the locks are that were forgotten",
		[]edit{{"redlock/internal/guard/admission.go", "until := now.Latest.After(max(longest, g.MaxTTL))", "until := now.Latest.After(max(longest, g.MaxTTL) / 2)"}},
		"",
	},
	{
		"no clock guard", "a lock is over when its key is gone",
		[]edit{{"redlock/scripts/record.lua", "return timed and earliest < record.deadline", "return false"}},
		"",
	},
	{
		"the voter's clock decides", "a record is over when the voter's own clock says so",
		[]edit{{"redlock/scripts/record.lua", "return timed and earliest < record.deadline", "local now = redis.call('TIME')\n  return timed and now[1] * 1000000 + now[2] < record.deadline"}},
		"",
	},
	{
		"the middle of the known clocks", "the agreed time is a mean of those that were heard, not an order statistic over all",
		[]edit{{"clockdrift/agreed.go", "return Interval{Low: low[f], High: high[n-1-f]}",
			"var sum time.Duration\n\tknown := time.Duration(0)\n\tfor _, c := range clocks {\n\t\tif c.Known() {\n\t\t\tsum += c.Middle() / 8\n\t\t\tknown++\n\t\t}\n\t}\n\tif known == 0 {\n\t\treturn Interval{Low: low[f], High: high[n-1-f]}\n\t}\n\tmiddle := sum / known * 8\n\treturn Interval{Low: middle, High: middle}"}},
		"",
	},
	{
		"deadlines from the earliest", "a record says that the lock is over before the holder thinks so",
		[]edit{{"redlock/acquire.go", "lk.deadline = now.Latest.After(lo.ttl)", "lk.deadline = now.Earliest.After(lo.ttl)"},
			{"redlock/internal/guard/guard.go", "(deadline - now.Latest).Duration()", "(deadline - now.Earliest).Duration()"}},
		"",
	},
	{
		"no largest error", "right clocks count as exact",
		[]edit{{"redlock/internal/guard/guard.go", "agreed = agreed.Widen(g.MaxError)", "agreed = agreed.Widen(0)"}},
		"",
	},
	{
		"readings are remembered, not agreements", "clocks that were wrong at different times are counted together",
		[]edit{{"redlock/internal/guard/guard.go", "clockdrift.NewJointClocks(c.Drift, c.MaxError, c.Together, sets...)", "clockdrift.NewJointClocks(c.Drift, c.MaxError, time.Hour, sets...)"}},
		"TestClocksThatAreWrongInTurns",
	},
	{
		"a stranger gives back", "a release doesn't look whose record it is",
		[]edit{{"redlock/scripts/release.lua", "if start and string.sub(text, start + 1, stop) == token .. ' ' then", "if start then"}},
		"",
	},
	{
		"an extension leaves the record", "the record's deadline stays that of the grant",
		[]edit{{"redlock/scripts/extend.lua", "if record.token ~= token or record.deadline < deadline then", "if record.token ~= token then"}},
		"",
	},
	{
		"no confirmation", "where the voters granted different values, the largest is the fencing token",
		[]edit{{"redlock/acquire.go", "return lk.count(ctx, seen, opConfirm, l.start(poll))", "return true"}},
		"",
	},
	{
		"no look at the clock after the replies", "an acquisition counts although its window has closed",
		[]edit{{"redlock/acquire.go", "if lk.window.Open(l.options.clock.Now()) {", "if l != nil {"}},
		"",
	},
	{
		"an expired lock is revived", "an extension counts although the present deadline has passed",
		[]edit{{"redlock/lock.go", "\tif lk.remaining() == 0 {", "\tif false {"}},
		"",
	},
	{
		"extension of anybody's lock", "a voter extends the lock whoever holds it",
		[]edit{{"redlock/scripts/extend.lua", "if held(owner, record, deadline, earliest) then", "if false then"}},
		"",
	},
	{
		"half is a majority", "two of five voters, or one of three, are enough",
		[]edit{{"quorum/tally.go", "return n/2 + 1", "return max(n / 2, 1)"}},
		"",
	},
	{
		"restoring lowers the register", "a voter that takes a lock back forgets the fencing tokens since",
		[]edit{{"redlock/scripts/extend.lua", "record.register = math.max(record.register, tonumber(ARGV[8]))", "record.register = tonumber(ARGV[8])"}},
		"",
	},
	{
		"extension counted from its answers", "an extended lock counts from when a majority had answered",
		[]edit{{"redlock/lock.go", "\tif e.window.Deadline() > lk.window.Deadline() {", "\te.window = lk.locker.options.window(lk.locker.options.clock.Now(), lk.ttl)\n\tif e.window.Deadline() > lk.window.Deadline() {"}},
		"TestExtensionCountsFromItsStart",
	},
	{
		"a new window at the confirmation", "a lock counts from when its fencing token is confirmed",
		[]edit{{"redlock/acquire.go", "\tlk.fence = votes.Candidate()\n", "\tlk.window = l.options.window(l.options.clock.Now(), lk.ttl)\n\tlk.fence = votes.Candidate()\n"}},
		"TestConfirmationCountsFromTheStart",
	},
	{
		"a missing date counts as old", "a voter that was just enrolled votes before anybody has said from when on",
		[]edit{{"redlock/scripts/grant.lua", "elseif not marker[1] or earliest < ends then", "elseif earliest < ends then"}},
		"TestVoterWithoutADateIsQuarantined",
	},
	{
		"no drift allowance", "a lock counts as valid until its TTL ends by the holder's clock",
		[]edit{{"clockdrift/window.go", "length := ttl - Allowance(ttl, driftFactor)", "length := ttl"}},
		"TestConfirmationCountsFromTheStart",
	},
	{
		"a pause goes unnoticed", "the replies to an attempt aren't held against its deadline",
		[]edit{{"redlock/internal/guard/guard.go", "\treturn w.Until(reading + (deadline - now.Latest).Duration())", "\t_ = now\n\treturn w"}},
		"",
	},
	{
		"an agreement is for ever", "what was agreed on before a pause is kept, whatever contradicts it",
		[]edit{{"clockdrift/agreed.go", "fresh.Width() <= last.Width() || fresh.Widen(c.maxError).apart(last.Widen(c.maxError))", "fresh.Width() <= last.Width()"}},
		"",
	},
	{
		"unknown clocks don't count", "the order statistic is over the clocks that were heard",
		[]edit{{"clockdrift/agreed.go", "\tfor i, c := range clocks {\n\t\tlow[i], high[i] = c.Low, c.High\n\t}", "\tlow, high = low[:0], high[:0]\n\tfor _, c := range clocks {\n\t\tif c.Known() {\n\t\t\tlow, high = append(low, c.Low), append(high, c.High)\n\t\t}\n\t}\n\tif n = len(low); n == 0 {\n\t\treturn Unknown\n\t}"}},
		"",
	},
	{
		"extended from the earliest", "the record of an extended lock says that it's over before the holder thinks so",
		[]edit{{"redlock/lock.go", "e.deadline = now.Latest.After(ttl)", "e.deadline = now.Earliest.After(ttl)"},
			{"redlock/internal/guard/guard.go", "(deadline - now.Latest).Duration()", "(deadline - now.Earliest).Duration()"}},
		"",
	},
	{
		"the quarantine ends by the voter's clock", "a voter whose clock is ahead votes before the locks are over that it has forgotten",
		[]edit{{"redlock/scripts/grant.lua", "earliest < ends", "now < ends"}},
		"",
	},
	{
		"a clock that's a day off votes", "a voter counts though a correction of its clock would end its records",
		[]edit{{"redlock/scripts/record.lua", "return now > earliest + margin or now < latest - margin", "return false"}},
		"TestClockThatIsHoursOffDoesntVote",
	},
	{
		"a clock may be off by the uncertainty, too", "a record ends before its lock when a clock is put right",
		[]edit{{"redlock/scripts/record.lua", "return now > earliest + margin or now < latest - margin", "return now > latest + margin or now < earliest - margin"}},
		"TestShortFenceLifeOutlivesTheLock",
	},
	{
		"each locker's own fence life counts", "a record of a locker with a short life ends under the eyes of one with a long life",
		[]edit{{"redlock/scripts/record.lua", "math.min(life, tonumber(shortest or life)) * 250", "life * 250"}},
		"TestShortestFenceLifeOfAVoterCounts",
	},
	{
		"one server votes at each of its addresses", "a server that two addresses lead to has two votes, and is two clocks",
		[]edit{{"redlock/internal/guard/server.go", "if known && last.voter != voter && now-last.at <= distinct {", "if false {"}},
		"TestAddressesThatLeadToOneServerAreOneClock",
	},
	{
		"replies of any age tell the time", "a lock is trusted although nothing was heard since a pause of its machine",
		[]edit{{"redlock/internal/guard/guard.go", "if reading-w.Start() > g.Together && !g.tell(reading) {", "if false {"}},
		"TestRepliesTooOldToShowAPause",
	},
	{
		"a pause doesn't show to the lock that is extended", "it's believed in for as long as before the pause of its machine",
		[]edit{{"redlock/lock.go", "\tlk.heed()\n", ""}},
		"TestFreshRepliesShowAPauseAfterAStop",
	},
	{
		"who came last is called first", "whoever has waited longest waits on",
		[]edit{{"redlock/scripts/line.lua", "redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')", "redis.call('ZREVRANGE', line, 0, 0, 'WITHSCORES')"}},
		"",
	},
	{
		"a release calls nobody", "the lock is free until somebody looks",
		[]edit{{"redlock/scripts/release.lua", "if anybody ~= 0 then", "if false then"}},
		"TestReleaseCallsWhoWaits",
	},
	{
		"those who wait don't look", "a lock whose release calls nobody is free for long",
		[]edit{{"redlock/waiter.go", "every := l.options.nodeTimeout / looksOf", "every := 40 * l.options.nodeTimeout"}},
		"TestWaitersSeeWhatNobodyTells",
	},
	{
		"a newcomer doesn't stand in line", "it overtakes who was called",
		[]edit{{"redlock/wait.go", "for asks := w.follow(ctx); ;", "for asks := true; ;"}},
		"TestBusyLockGoesFromHandToHand",
	},
	{
		"a process doesn't notice whom its releases call", "its goroutines hand the lock on among themselves while another process waits",
		[]edit{{"redlock/release.go", "a.Reply.value != 0 && !l.turns.stands(c.name)", "false"}},
		"TestTurnsOfAProcessLetOthersIn",
	},
	{
		"the lead voter isn't asked first", "clients that try again and again take each other's voters, and few of them win",
		[]edit{{"redlock/acquire.go", "!seen.waits && !lk.askLead", "false && !lk.askLead"}},
		"TestAttemptsWithoutAPauseAreWon",
	},
	{
		"several locks in the caller's order", "two callers wait for each other in a circle",
		[]edit{{"redlock/all.go", "slices.Compact(slices.Sorted(slices.Values(names)))", "slices.Clone(names)"}},
		"TestShapesSimulation",
	},
	{
		"some of several locks are kept", "a caller that didn't get all of them keeps those that it got",
		[]edit{{"redlock/all.go", "\t\tif ls.ctx == nil { // also where a hook panics\n", "\t\tif false {\n"}},
		"TestShapesSimulation",
	},
	{
		"the loss of the first lock counts", "work goes on when another of its locks is lost",
		[]edit{{"redlock/all.go", "\tfor _, lk := range ls.locks {\n\t\tcontext.AfterFunc", "\tfor _, lk := range ls.locks[:1] {\n\t\tcontext.AfterFunc"}},
		"TestDoAllEndsWithTheFirstLoss",
	},
	{
		"a leader isn't waited for", "a new term begins here while the old function still runs",
		[]edit{{"redlock/lead.go", "return lead(ctx, lk)", "done := make(chan error, 1)\n\t\t\tgo func() { done <- lead(ctx, lk) }()\n\t\t\tselect {\n\t\t\tcase err := <-done:\n\t\t\t\treturn err\n\t\t\tcase <-ctx.Done():\n\t\t\t\treturn context.Cause(ctx)\n\t\t\t}"}},
		"TestShapesSimulation",
	},
	{
		"what LockAll gives back is kept", "AtLeast keeps names that no work has begun under",
		[]edit{{"redlock/keep.go", "\tlk.atLeast = 0\n", ""}},
		"TestNoneOfLockAllIsKept",
	},
	{
		"a leader that resigns stands again", "an error that tells of another lock's loss counts as the loss of the office",
		[]edit{{"redlock/lead.go", "if office != nil && !errors.Is(office.Unlock(ctx), ErrLost) {", "if office == nil {"}},
		"TestLeadReturnsAnErrorThatTellsOfAnotherLoss",
	},
	{
		"a slot too many", "a semaphore of k lets more than k in",
		[]edit{{"redlock/slot.go", "slotName(name, (first+i)%slots)", "slotName(name, first+i)"}},
		"TestShapesSimulation",
	},
	{
		"AtLeast keeps nothing", "a lock that's given back early is free at once",
		[]edit{{"redlock/release.go", "lost == nil && left > 0 {", "lost == nil && left > time.Hour {"}},
		"TestShapesSimulation",
	},
	{
		"AtLeast asks for nothing", "a lock that's given back early is kept for no longer than its TTL",
		[]edit{{"redlock/keep.go", "if window.Remaining(l.options.clock.Now()) >= left {", "if true {"}},
		"TestShapesSimulation",
	},
	{
		"renewal forgets MaxHold", "a forgotten lock lives as long as its process",
		[]edit{{"redlock/lock.go", "\te.window = e.window.Until(lk.limit)\n", ""}},
		"TestShapesSimulation",
	},
	{
		"a voter votes for every list", "two lists have majorities without a common voter",
		[]edit{{"redlock/scripts/grant.lua", "elseif says == -6 then", "elseif false then"}, {"redlock/scripts/grant.lua", "elseif says == -3 then", "elseif false then"}},
		"TestListsWithMajoritiesApart",
	},
	{
		"an extension from every list counts", "a lock outlives the change of the list",
		[]edit{{"redlock/scripts/extend.lua", "  if says == -6 then", "  if false then"}},
		"TestVectorsOfScripts",
	},
	{
		"a majority of claims is a decision", "a set begins though the others haven't been heard",
		[]edit{{"redlock/internal/member/member.go", "(absent == 0 || young == 0)", "(absent >= 0 || young == 0)"}},
		"TestNewSetWithANodeDown",
	},
	{
		"a change doesn't wait", "a lock of the old set is valid when the new one is served alone",
		[]edit{{"redlock/internal/member/change.go", "waited := c.numbers != nil &&", "waited := c.numbers == nil ||"}},
		"TestReplaceADeadServer",
	},
	{
		"a change asks the new set only", "the voters that are left go on to serve the old set",
		[]edit{{"redlock/change.go", "return !c.gone[voter] && c.locker.voters[voter].guarded()\n", "return !c.gone[voter] && slices.Contains(c.locker.members.config[1].Voters, voter)\n"}},
		"TestTokensGrowAcrossAChange",
	},
	{
		"those that join two sets need a majority of all", "two lockers have majorities without a common voter",
		[]edit{{"redlock/joining.go", "electorate: quorum.Joint(r.sets...)", "electorate: quorum.All(len(r.ids))"}},
		"",
	},
	{
		"tokens go by the clients' wall clocks", "voters that have forgotten, and those of a new list, grant smaller ones after a client's clock was ahead",
		[]edit{{"redlock/acquire.go", "\tif l.guard != nil {\n\t\treturn int64(now.Earliest)", "\tif false {\n\t\treturn int64(now.Earliest)"}},
		"",
	},
	{
		"a change that isn't complete is gone on from", "who joins the new list and a third one doesn't ask the voters of the locks with the old one",
		[]edit{{"redlock/scripts/record.lua", "joined ~= '' and (not replaced or replaced == own or replaced == joined)", "joined ~= ''"}},
		"TestNobodyGoesOnFromAChangeThatIsntComplete",
	},
	{
		"a voter that's behind stops a change", "a server that left the list can't come back with its memory",
		[]edit{{"redlock/internal/member/member.go", "&& !c.Covers(k) && !behind", "&& !c.Covers(k) && (!behind || behind)"}},
		"TestAServerComesBackToTheList",
	},
	{
		"a change begins under lockers with the old set alone", "they lose their locks",
		[]edit{{"redlock/scripts/grant.lua", "serves(key, ARGV[2], ARGV[4], marker[5], now)\n", "\n"}},
		"TestChangeRefusesWhatIsNotSafe",
	},
	{
		"an error at one of several locks counts as its refusal", "nobody hears what's wrong with it",
		[]edit{{"redlock/batch.go", "c.of > 1 && part != nil && status(part[0]) == statusFailed", "part == nil"}},
		"TestOneOfSeveralLocksIsBroken",
	},
	{
		"what's wrong with one of several locks is wrong with all", "a name that its user has no right to takes others along",
		[]edit{{"redlock/batch.go", " || c.of > 1 && replied", ""}, {"redlock/batch.go", "_, replied := serverText(err)\n", "\n"}},
		"TestRealRightsToSomeOfSeveralLocks",
	},
	{
		"releases go without the line for what was wrong with one of several", "nobody calls those who wait for the others",
		[]edit{{"redlock/batch.go", "lacksRight(c.err()) && c.of == 1 &&", "lacksRight(c.err()) &&"}},
		"TestRealRightsToSomeOfSeveralLocks",
	},
	{
		"MGET decides whether a key is there", "a grant replaces data of another type",
		[]edit{{"redlock/scripts/grant.lua", "redis.pcall('EXISTS', unpack(absent)) ~= 0", "false"}},
		"TestVectorsOfScripts",
	},
	{
		"one command has a name twice", "two of its requests go by what was stored before both",
		[]edit{{"redlock/batch.go", "return before.name == r.name", "return false"}},
		"TestTwinMatchesScriptsInBatches",
	},
	{
		"a command tells the times of its first lock", "the others are over by the voters before their owners think so",
		[]edit{{"redlock/batch.go", "deadline = max(t.deadline, r.deadline)", "deadline = min(t.deadline, r.deadline)"}},
		"TestTimesOfARun",
	},
}
