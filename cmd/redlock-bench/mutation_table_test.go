//go:build mutation

package main

var mutations = []mutation{
	{
		"any partition is seen", "a fault counts although its links still work",
		edit{"nemesis/partition.go", "return after.answered == 0", "return true"},
		"nemesis", "TestProbesThatShowAFault",
	},
	{
		"any slow node is seen", "a fault counts although requests are as fast as ever",
		edit{"nemesis/slownode.go", "return after.answered > 0 && after.fastest >= f.By", "return true"},
		"nemesis", "TestProbesThatShowAFault",
	},
	{
		"dead links show a fault", "a node that was down already counts as cut off",
		edit{"nemesis/linkfault.go", "if before.answered == 0 {", "if false {"},
		"nemesis", "TestProbesThatShowAFault",
	},
	{
		"any reset is seen", "a fault counts that had no connection to break",
		edit{"nemesis/reset.go", "return proof, broken > 0", "return proof, true"},
		"nemesis", "TestResetBreaksSomething",
	},
	{
		"any restart is seen", "a fault counts although the server never ended",
		edit{"../../internal/cluster/proof.go", "return after != before && !(forgetful && keys > 0)", "return true"},
		"../../internal/cluster", "TestWhatShowsARestart",
	},
	{
		"any stop is seen", "a fault counts although the process goes on",
		edit{"../../internal/cluster/process.go", "if wanted(state) {", "if true {"},
		"../../internal/cluster", "TestAStopThatIsNotSeenIsNotProven",
	},
	{
		"any tampering is seen", "commands count as carried out twice, again or in another order although they pass as they are",
		edit{"nemesis/commands.go", "len(links), did), seen > 0", "len(links), did), seen >= 0"},
		"nemesis", "TestCommandsThatPassShowNoFault",
	},
	{
		"tampering goes on", "commands are still tampered with after the fault is over",
		edit{"nemesis/commands.go", "return l.untamper()", "return 0"},
		"nemesis", "TestDuplicatedCommandIsCarriedOutTwice",
	},
	{
		"a copy nobody asked for", "commands count as duplicated although no copy is sent",
		edit{"nemesis/commands.go", "l.tamper(f.Kind, f.By, f.Each)", "l.tamper(\"\", f.By, f.Each)"},
		"nemesis", "TestDuplicatedCommandIsCarriedOutTwice",
	},
	{
		"any failover is seen", "a fault counts although the same server is there, or one that takes no writes",
		edit{"../../internal/cluster/proof.go", "return after != before && role == \"master\"", "return true"},
		"../../internal/cluster", "TestWhatShowsAFailover",
	},
	{
		"any replica misses writes", "a failover counts as one that lost something although the replica got it all",
		edit{"../../internal/cluster/proof.go", "return link == \"down\"", "return true"},
		"../../internal/cluster", "TestWhatShowsAFailover",
	},
	{
		"rolling is all at once", "a rolling restart takes down a majority",
		edit{"nemesis/variant.go", "at += f.For + time.Duration(rest*float64(d.TTL))", "at += 0"},
		"nemesis", "TestRollingFaultsComeOneAfterTheOther",
	},
	{
		"any jump is seen", "a fault counts although the clock goes on as before",
		edit{"../../internal/cluster/clock.go", "miss > jumpTolerance+before.bound+after.bound {", "miss < 0 {"},
		"../../internal/cluster", "TestAJumpThatIsNotSeenIsNotProven",
	},
	{
		"a strobing clock isn't put right", "a clock stays wrong after the fault is over",
		edit{"nemesis/clockstrobe.go", "proof, err := setRight(ctx, n)\n\t\t\tproof", "proof, err := effect.Proof{}, error(nil)\n\t\t\tproof"},
		"nemesis", "TestStrobingClockIsPutRight",
	},
	{
		"any eviction is seen", "a fault counts although keys went otherwise",
		edit{"../../internal/cluster/proof.go", "return after > before", "return true"},
		"../../internal/cluster", "TestWhatShowsAnEviction",
	},
	{
		"memory stays full", "a server goes on to evict after the fault is over",
		edit{"../../internal/cluster/evict.go", "err = errors.Join(err, n.endEviction(context.WithoutCancel(ctx)))", "err = errors.Join(err)"},
		"../../internal/cluster", "TestEvict",
	},
	{
		"any server is shut", "a fault counts although the server answers on new connections",
		edit{"../../internal/cluster/closure.go", "if strings.HasPrefix(proof.After, answered) {", "if false {"},
		"../../internal/cluster", "TestAServerThatStillAnswersIsNotShut",
	},
	{
		"old connections stay", "clients go on with the connections that they have",
		edit{"../../internal/cluster/closure.go", "if strings.Contains(rest, \" name=\"+adminName+\" \") {", "if strings.Contains(rest, \" \") {"},
		"../../internal/cluster", "TestShut",
	},
	{
		"any server is open again", "a fault counts as over although nobody gets a connection",
		edit{"../../internal/cluster/closure.go", "if proof.After != answered {", "if false {"},
		"../../internal/cluster", "TestAServerThatStillAnswersIsNotShut",
	},
	{
		"any disk is broken", "a fault counts although the disk does what it says",
		edit{"../../internal/cluster/disk.go", "if after == before || state == Stalling && took < stall {", "if false {"},
		"../../internal/cluster", "TestDiskThatWorksIsNotProven",
	},
	{
		"any end is for want of space", "a server that was killed counts as one whose disk was full",
		edit{"../../internal/cluster/disk.go", "if !strings.Contains(n.logTail(), noSpace) {", "if !strings.Contains(n.logTail(), \"\") {"},
		"../../internal/cluster", "TestAServerThatEndsOtherwiseHadRoom",
	},
	{
		"a lying disk kept it all", "a loss of power takes nothing",
		edit{"../../internal/cluster/disk.go", "os.Truncate(path, broken.size)", "os.Truncate(path, size)"},
		"../../internal/cluster", "TestDiskThatLies",
	},
	{
		"a disk stalls for good", "a server is slow after the fault is over",
		edit{"../../internal/cluster/disk.go", "tool.setDisk(n.dir, Sound, 0)", "tool.setDisk(n.dir, Stalling, stall)"},
		"../../internal/cluster", "TestDiskThatStalls",
	},
	{
		"plans don't know their nodes", "embedded nodes are to have faults that they can't have",
		edit{"chaos/generate.go", "range KindsOn(backend) {", "range Kinds() {"},
		"chaos", "TestPlansSuitTheirNodes",
	},
	{
		"faults are only drawn one by one", "a minute of chaos may leave a lock without guards unharmed",
		edit{"chaos/generate.go", "alone = p.compound(random, from, until)", "_ = random"},
		"chaos", "TestUsualMinuteHasCompoundFaults",
	},
	{
		"lying disks do no damage", "more than a minority forgets, and the lock is to blame",
		edit{"nemesis/disk.go", "Damages: func(f Fault) bool { return f.Disk == cluster.Lying }", "Damages: func(Fault) bool { return false }"},
		"chaos", "TestPlansKeepToTheModel",
	},
	{
		"evictions do no damage", "more than a minority forgets, and the lock is to blame",
		edit{"nemesis/evict.go", "Damages: always, Momentary", "Momentary"},
		"chaos", "TestPlansKeepToTheModel",
	},
	{
		"any client's clock is bent", "a fault counts although the client hasn't read its clock",
		edit{"lab/client.go", "case follows:", "case follows || !follows:"},
		"lab", "TestClientsClock",
	},
	{
		"a client's clock stays bent", "a client counts wrongly after the fault is over",
		edit{"nemesis/clientdrift.go", "return p.SetClockRate(ctx, 1)", "return effect.Proof{}, nil"},
		"nemesis", "TestClientDriftEnds",
	},
	{
		"a lock doesn't see its bent clock", "a fault counts although it isn't the lock's clock that was bent",
		edit{"subject/guarded.go", "redlock.WithClock(clockdrift.ClockFunc(c.Clock.Boot))", "redlock.WithClock(clockdrift.System())"},
		"subject", "TestLocksCountByTheirClientsClock",
	},
	{
		"other locks aren't judged", "a lock is held by two clients that hold another one, too",
		edit{"check/judge.go", "j.judgeOthers(h)\n", "\n"},
		"check", "TestOtherLocksAreJudged",
	},
	{
		"all names are one lock", "whoever holds another lock violates this one",
		edit{"history/history.go", "if o.Name == name {", "if o.Name != \"\" {"},
		"check", "TestOtherLocksAreJudged",
	},
	{
		"shut servers are within reach", "a lock from servers that had no connections counts as one",
		edit{"check/quorum.go", "effect.Down, effect.Shut, effect.CutOff}", "effect.Down, effect.CutOff}"},
		"check", "TestLockFromAMinority",
	},
	{
		"the unproven counts as proven", "a fault that wasn't seen is evidence",
		edit{"chaos/nemesis.go", "\tc.Failed++\n", "\tc.Proven++\n"},
		"chaos", "TestFaultWithoutEffectIsNoEvidence",
	},
	{
		"no evidence needed", "a lock holds against faults that nobody saw",
		edit{"check/evidence.go", "due > 0 && c.Proven == 0 {", "false && due > 0 {"},
		"check", "TestFaultsThatNobodySawProveNothing",
	},
	{
		"no work needed", "a lock holds that nobody got",
		edit{"check/judge.go", "return append(evidence(h), idle(h, w)...)", "return evidence(h)"},
		"check", "TestTooLittleHappened",
	},
	{
		"no race needed", "a scenario holds in which one client did nothing",
		edit{"check/judge.go", "return race(h, w)", "return nil"},
		"check", "TestScenariosAskForTheRaceOnly",
	},
	{
		"a minority is enough", "a lock that nodes out of reach can't have granted counts as one",
		edit{"check/quorum.go", "reached <= len(used)/2 {", "reached < 0 {"},
		"check", "TestLockFromAMinority",
	},
	{
		"an end that wasn't seen is none", "a lock from nodes that were back counts as one from nobody",
		edit{"lab/record.go", "if p.Change.State != \"\" {", "if false {"},
		"lab", "TestEndThatWasntSeenIsAnEnd",
	},
	{
		"granted isn't carried over a cut", "a token may be smaller than one of a thousand operations ago",
		edit{"check/linearizable_model.go", "s.granted = max(s.granted, in.token)", "s.granted = 0"},
		"check", "TestTokensAreCarriedOverACut",
	},
	{
		"a search without end is a success", "what took too long to search counts as linearizable",
		edit{"check/linearizable.go", "case porcupine.Unknown:\n\t\t\tr.worsen(Unknown)", "case porcupine.Unknown:\n\t\t\tr.worsen(Held)"},
		"check", "TestSearchThatTakesTooLongIsUnknown",
	},
	{
		"no time for a search is a success", "what wasn't searched counts as linearizable",
		edit{"check/linearizable.go", "for no limit\n\t\t\tr.worsen(Unknown)", "for no limit\n\t\t\tr.worsen(Held)"},
		"check", "TestLinearizableWithoutTimeIsUnknown",
	},
	{
		"a slack of two seconds", "a worker may shift its times by more than a lock lives",
		edit{"protocol/plausible.go", "const Slack = time.Millisecond", "const Slack = 2 * time.Second"},
		"protocol", "TestPlausible",
	},
	{
		"belief without end", "a worker may believe for years",
		edit{"protocol/plausible.go", "case terms.TTL > 0 && reply", "case terms.TTL < 0 && reply"},
		"protocol", "TestPlausible",
	},
	{
		"words count more than deeds", "a client that uses its lock after its end hides it by its report",
		edit{"history/belief.go", "if o.Looked && o.OK && from > 0 {", "if false {"},
		"history", "TestWhatAClientDoesCountsMoreThanWhatItSays",
	},
	{
		"a failed run stays held", "chaos trusts an incomplete record",
		edit{"chaos/run.go", "if err != nil || len(o.Doubts) > 0 {", "if len(o.Doubts) > 0 {"},
		"chaos", "TestFailedRunHoldsNothing",
	},
	{
		"a failed experiment stays held", "run trusts an incomplete record",
		edit{"experiment/experiment.go", "if o.Exclusion != check.Violated {", "if false {"},
		"experiment", "TestFailedExperimentsAreUnknown",
	},
	{
		"a violation of a stranger is expected", "--strict lets a lock pass that was violated",
		edit{"experiment/experiment.go", "o.Open() || o.Spec.Strict && o.Unsafe()", "o.Open()"},
		"experiment", "TestStrict",
	},
	{
		"linearizability is expected to be violated", "tokens may go back as long as no other checker says so",
		edit{"chaos/run.go", "return o.Unsafe() || o.Linearizable.Verdict == check.Violated", "return o.Unsafe()"},
		"chaos", "TestWhatIsExpectedOfARun",
	},
	{
		"fencing is no violation", "only exclusion counts",
		edit{"check/judge.go", "return j.Exclusion == Violated || j.Fencing == Violated", "return j.Exclusion == Violated"},
		"chaos", "TestWhatIsExpectedOfARun",
	},
	{
		"unknown is as expected", "a lock of which nothing was found out passes",
		edit{"check/judge.go", "return j.Exclusion == Unknown || j.Fencing == Unknown || j.Availability == Unknown", "return false"},
		"experiment", "TestUnknownIsNeverExpected",
	},
	{
		"a failed heal is ignored", "what goes wrong after a fault that couldn't be undone counts for the lock",
		edit{"chaos/nemesis.go", "err != nil && !errors.Is(err, cluster.ErrNotProven) {\n\t\th.mu", "false {\n\t\th.mu"},
		"chaos", "TestFaultThatCantBeUndoneEndsTheRun",
	},
	{
		"nobody is asked in the end", "a belief that renews itself ends with the last request",
		edit{"lab/record.go", "if c.Renews() && !c.stopped", "if false && !c.stopped"},
		"lab", "TestSettleAsksThoseWhoRenew",
	},
}
