#!/usr/bin/env python3
"""A small client of the locks' protocol, as docs/protocol.md says it. It needs nothing but Python 3 on Linux, and the Lua scripts.

    testdata/clients/client.py 127.0.0.1:6379,127.0.0.1:6380,127.0.0.1:6381 --ttl 10000

It reads a command a line, and answers each with a line:

    acquire NAME    held FENCING-TOKEN, or refused OUTCOME,OUTCOME,OUTCOME (of each voter)
    extend          extended, or refused ..., or lost
    release         released, or lost

It makes single attempts, and has one lock at a time. It leaves out what docs/protocol.md says may be left out.
"""

import argparse
import hashlib
import math
import pathlib
import secrets
import select
import socket
import sys
import time

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "redlock" / "scripts"
FILES = {name: ("record", name) for name in ("confirm", "extend", "enrol", "admit", "tell")}
FILES |= {"grant": ("record", "each", "grant"), "release": ("line", "each", "release")}
TEXTS = {name: b"".join((SCRIPTS / f"{file}.lua").read_bytes() for file in files) for name, files in FILES.items()}
MARKER, FIELD = "redlock:voter", "voters"
OUTCOMES = {1: "granted", 0: "held", -1: "gone", -3: "quarantined", -5: "clock suspect", -6: "wrong quorum"}
LIFE = 24 * 3600 * 1000
DRIFT = 0.01
IDLE = 10_000  # µs: a connection that was silent for longer begins with enrol.lua again


def now():
    """This client's clock, in µs. It counts the time in which the machine is suspended."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


class Problem(Exception):
    """A voter's error, or none of its answers in time. It's no vote."""


class Voter:
    """One server, and the connection to it."""

    def __init__(self, address):
        self.address, self.stream, self.looked, self.used = address, None, False, 0
        self.sample = None  # (sent, received, NOW) of the last reply
        self.server = self.enrolment = None  # of the last reply of enrol.lua

    def hang_up(self):
        if self.stream:
            self.stream.close()
        self.stream, self.looked = None, False

    def send(self, commands, in_full):
        """Sends calls of scripts: (script, keys, arguments)."""
        if self.stream is None:
            host, port = self.address.rsplit(":", 1)
            self.stream, self.looked = socket.create_connection((host, int(port)), 1), False
            self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.rest = b""
        out = b""
        for script, keys, arguments in commands:
            text = TEXTS[script]
            call = [b"EVAL", text] if in_full else [b"EVALSHA", hashlib.sha1(text).hexdigest().encode()]
            words = call + [str(w).encode() for w in (len(keys), *keys, *arguments)]
            out += b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
        self.stream.sendall(out)

    def read(self, size, end):
        """Reads so many bytes, or a line (None), by the moment end."""
        while True:
            at = self.rest.find(b"\r\n") if size is None else size
            if at >= 0 and len(self.rest) >= at + 2:
                part, self.rest = self.rest[:at], self.rest[at + 2 :]
                return part
            self.stream.settimeout(max(end - now(), 1) / 1e6)
            more = self.stream.recv(65536)
            if not more:
                raise OSError("the server closed the connection")
            self.rest += more

    def reply(self, end):
        line = self.read(None, end)
        kind, value = line[:1], line[1:]
        if kind == b"*":
            return [self.reply(end) for _ in range(int(value))]
        if kind == b"$":
            return self.read(int(value), end).decode()
        if kind == b"-":
            return Problem(value.decode())
        return int(value)


class Client:
    def __init__(self, addresses, ttl, node_timeout, max_clock_error):
        self.voters = [Voter(a) for a in addresses]
        self.ttl, self.longest = ttl, ttl
        self.node_timeout = 1000 * (node_timeout or min(ttl // 20, 250))
        self.exchange = max(4 * self.node_timeout, 100_000)
        self.epsilon = 1000 * (max_clock_error or max(10, min(ttl // 20, 250)))
        self.n = len(addresses)
        self.majority, self.f = self.n // 2 + 1, (self.n - 1) // 2
        names = sorted(a.lower().replace("localhost:", "127.0.0.1:").replace("[::1]:", "127.0.0.1:") for a in addresses)
        self.id = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
        self.names = ",".join(name.replace(",", "%2C") for name in names)
        self.servers = {}  # server: (voter, when it answered)
        self.lock, self.owed = None, []

    # Asking voters.

    def look(self):
        return "enrol", [MARKER], [1 + secrets.randbelow(1 << 52), 0, FIELD]

    def ask(self, script, calls, timeout):
        """Makes calls {voter: (keys, arguments)} of a script and returns {voter: its reply, or a Problem}. The script enrol
        takes no arguments: it's the look that comes before the others by itself where it has to."""
        end, replies, sent = now() + timeout, {}, {}
        needs_look = script not in ("release", "admit", "tell")
        for v in calls:
            look = script == "enrol" or needs_look and (not v.looked or now() - v.used > IDLE)
            sent[v] = [self.look()] if look else []
            if script != "enrol":
                sent[v].append((script, *calls[v]))
        started = {}
        for again in (False, True):
            for v in list(sent):
                try:
                    started[v] = now()
                    v.send(sent[v], again)
                except OSError as problem:
                    replies[v] = Problem(str(problem))
            for v in list(sent):
                if isinstance(replies.get(v), Problem):
                    del sent[v]
                    v.hang_up()
                    continue
                try:
                    answers = [v.reply(end) for _ in sent[v]]
                except OSError as problem:  # its answer may still come, so the connection is of no use any more
                    replies[v] = Problem(str(problem))
                    del sent[v]
                    v.hang_up()
                    continue
                if not again and any(isinstance(a, Problem) and "NOSCRIPT" in str(a) for a in answers):
                    continue
                replies[v] = self.take(v, sent.pop(v), answers, started[v])
        return replies

    def take(self, v, commands, answers, started):
        """Takes in what a voter says of itself and of the time, and returns its last answer."""
        v.used = received = now()
        if commands[0][0] == "enrol":
            if isinstance(answers[0], Problem):
                v.hang_up()
                return answers[0]
            v.looked, v.enrolment, v.server = True, answers[0], answers[0][4]
        answer = answers[-1]
        if isinstance(answer, Problem):
            v.hang_up()
            return answer
        script = commands[-1][0]
        if script == "release":
            return answer
        other, when = self.servers.get(v.server, (v, received))
        if other is not v and received - when <= max(self.longest * 1000, self.exchange):
            return Problem(f"{other.address} and {v.address} lead to one server")
        self.servers[v.server] = v, received
        if v.looked:
            v.sample = started, received, answer[0] if script in ("enrol", "admit", "tell") else answer[1]
        if script == "grant" and answer[0] in (-3, -6) and commands[0][0] != "enrol":
            v.looked = False
        return answer

    # What time it is.

    def agreed(self, at):
        """Earliest and latest, or infinities. This client keeps no older result: then it asks more often."""
        lower, upper = [], []
        for v in self.voters:
            low, high = -math.inf, math.inf
            if v.sample and at - v.sample[0] <= self.exchange:
                sent, received, said = v.sample
                low = said + (at - received) - math.ceil(DRIFT * (at - received))
                high = said + (at - sent) + math.ceil(DRIFT * (at - sent))
            lower.append(low)
            upper.append(high)
        low, high = sorted(lower)[self.f], sorted(upper)[-1 - self.f]
        return low - self.epsilon - 1, high + self.epsilon + 1

    def knows_time(self):
        earliest, latest = self.agreed(now())
        return latest - earliest <= 4 * self.epsilon + 2 * self.node_timeout

    def prepare(self):
        """Sees to it that the time is known, and that servers are told what they have to be told."""
        if self.knows_time() and all(v.enrolment and v.enrolment[2] and self.known(v)[1] > 0 for v in self.voters):
            return
        begun = now()
        heard = [v for v, r in self.ask("enrol", dict.fromkeys(self.voters), self.exchange).items() if not isinstance(r, Problem)]
        if len(heard) < self.majority or not self.knows_time():
            return
        self.admit(heard)
        if now() - begun <= self.exchange:
            self.tell(heard)

    def admit(self, heard):
        longest = max(v.enrolment[3] for v in heard)
        latest = self.agreed(now())[1]
        for v in heard:
            number, until = v.enrolment[1:3]
            certain = len(heard) - 1 > self.f
            mine = latest + 1000 * max(longest, self.longest)
            if until == 0 or certain and until > mine:
                reply = self.ask("admit", {v: ([MARKER], [number, mine, longest, int(certain)])}, self.node_timeout)[v]
                if not isinstance(reply, Problem):
                    v.enrolment[1:4] = reply[1:4]

    def known(self, v):
        """ID, GENERATION and FROM of what a voter knows of its set."""
        text = v.enrolment[5]
        if not text:
            return "", -1, ""
        id, generation, since, _ = text.split(" ", 3)
        return id, int(generation), since

    def tell(self, heard):
        for _ in range(2):  # claim, decide
            knows = {v: self.known(v) for v in heard}
            decided = {k[:2]: v for v, k in knows.items() if k[1] > 0}
            earliest, latest = self.agreed(now())
            if decided:
                if len(decided) > 1 or next(iter(decided))[0] != self.id:
                    return
                text = next(iter(decided.values())).enrolment[5]
                texts = {v: text for v, k in knows.items() if k[1] <= 0}
            elif any(k[0] not in ("", self.id) for k in knows.values()):
                return
            elif any(k[0] == "" for k in knows.values()):
                claim = f"{self.id} 0 {latest + 1000 * self.longest} {self.names}"
                texts = {v: claim for v, k in knows.items() if k[0] == ""}
            elif len(heard) == self.n or len(heard) >= self.majority and all(int(k[2]) <= earliest for k in knows.values()):
                texts = {v: f"{self.id} 1 0 {self.names}" for v in heard}
            else:
                return
            calls = {v: ([MARKER], [FIELD, v.enrolment[1], text]) for v, text in texts.items()}
            for v, reply in self.ask("tell", calls, self.node_timeout).items():
                if isinstance(reply, Problem):
                    heard.remove(v)
                else:
                    v.enrolment[5] = reply[1]

    # Locks.

    def times(self):
        """Until when a lock may be believed in that's asked for now, and the deadline, earliest and latest to send."""
        start = now()
        earliest, latest = self.agreed(start)
        end = start + 1000 * self.ttl - (math.ceil(DRIFT * 1000 * self.ttl) + 2000)
        return end, [latest + 1000 * self.ttl, earliest, latest]

    def counts(self, replies, end, deadline):
        """Whether a majority says yes while the lock may be believed in."""
        if sum(not isinstance(r, Problem) and r[0] == 1 for r in replies.values()) < self.majority:
            return False
        # Latest is infinite where the replies are too old by now, since the process was stopped.
        return now() < end and self.agreed(now())[1] < deadline

    def acquire(self, name):
        self.give_back()
        self.prepare()
        if not self.knows_time():
            return "refused nobody knows the time"
        end, times = self.times()
        token, keys = secrets.token_hex(16), [name, name + ":fence", MARKER]
        arguments = [LIFE, FIELD, self.id, "", self.ttl, *times, "client.py", token, times[1]]
        replies = self.ask("grant", dict.fromkeys(self.voters, (keys, arguments)), self.node_timeout)
        self.lock = {"name": name, "token": token, "asked": replies, "end": end, "deadline": times[0]}  # or what's to be released
        if self.counts(replies, end, times[0]):
            registers = [r[2] for r in replies.values() if not isinstance(r, Problem) and r[0] == 1]
            fence = max(registers)
            agree = [r for r in registers if registers.count(r) >= self.majority]
            if agree:
                fence = agree[0]
            else:
                confirmed = self.ask("confirm", dict.fromkeys(self.voters, (keys[:2], [token, fence, LIFE])), self.node_timeout)
                if not self.counts(confirmed, end, times[0]):
                    return self.fail(confirmed)
            self.lock["fence"] = fence
            return f"held {fence}"
        return self.fail(replies)

    def fail(self, replies):
        self.give_back()
        return "refused " + ",".join(str(r) if isinstance(r, Problem) else OUTCOMES[r[0]] for r in replies.values())

    def believes(self):
        return self.lock and now() < self.lock["end"]

    def extend(self):
        if not self.believes():
            return "lost"
        self.prepare()
        if not self.knows_time():
            return "refused nobody knows the time"
        lock, (end, times) = self.lock, self.times()
        keys = [lock["name"], lock["name"] + ":fence", MARKER]
        arguments = [lock["token"], self.ttl, 0, LIFE, *times, lock["fence"], "client.py", FIELD, self.id, ""]
        replies = self.ask("extend", dict.fromkeys(self.voters, (keys, arguments)), self.node_timeout)
        said = [r for r in replies.values() if not isinstance(r, Problem)]
        larger = [r[2] for r in said if r[2] > lock["fence"]]
        latest = self.agreed(now())[1]
        if lock["deadline"] <= latest < math.inf:  # this machine's clock stood still
            lock["end"] = 0
        denied = sum(r[0] in (0, -1) for r in said)
        if not self.believes() or self.n - denied < self.majority or any(larger.count(r) >= self.majority for r in larger):
            self.give_back()
            return "lost"
        if self.counts(replies, end, times[0]):
            lock["end"], lock["deadline"] = end, times[0]
            return "extended"
        return "refused " + ",".join(str(r) if isinstance(r, Problem) else OUTCOMES[r[0]] for r in replies.values())

    def release(self):
        held, replies = self.believes(), self.give_back()
        said = [r[0] for r in replies.values() if not isinstance(r, Problem)]
        if not held or sum(s != 1 for s in said) >= self.majority:
            return "lost"
        return "released" if len(said) >= self.majority else "refused too few answered"

    def give_back(self):
        """Releases the lock, or what an attempt may have left. Where that isn't certain it's owed."""
        lock, self.lock = self.lock, None
        if lock is None:
            return {}
        call = [lock["name"], lock["name"] + ":await", lock["name"] + ":fence"], [LIFE, 1, lock["token"]]
        replies = self.ask("release", dict.fromkeys(self.voters, call), self.node_timeout)
        end = now() + 1000 * self.ttl + 60_000_000
        for v, reply in replies.items():
            doubtful = isinstance(lock["asked"][v], Problem)
            if isinstance(reply, Problem) or reply[0] != 1 and doubtful:
                debt = {"voter": v, "call": call, "doubtful": doubtful, "left": 4, "end": end}
                self.owed.append({**debt, "pause": self.node_timeout, "due": now() + self.node_timeout})
        return replies

    def settle(self):
        """Repeats the releases that are owed and due, and returns how long the next one has time, in s."""
        for debt in [d for d in self.owed if d["due"] <= now()]:
            reply = self.ask("release", {debt["voter"]: debt["call"]}, self.node_timeout)[debt["voter"]]
            answered = not isinstance(reply, Problem)
            debt["left"] -= answered
            settled = answered and (reply[0] == 1 or not debt["doubtful"] or debt["left"] == 0)
            if settled or now() >= debt["end"]:
                self.owed.remove(debt)
            debt["pause"] = min(2 * debt["pause"], 1_000_000)
            debt["due"] = now() + debt["pause"]
        return max(min((d["due"] - now() for d in self.owed), default=3_600_000_000), 0) / 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("voters", help="their addresses, with a comma between each two")
    parser.add_argument("--ttl", type=int, default=10000, help="ms")
    parser.add_argument("--node-timeout", type=int, help="ms")
    parser.add_argument("--max-clock-error", type=int, help="ms")
    given = parser.parse_args()
    client = Client(given.voters.split(","), given.ttl, given.node_timeout, given.max_clock_error)
    rest = b""
    while True:
        if select.select([sys.stdin], [], [], client.settle())[0]:
            more = sys.stdin.buffer.raw.read(4096)
            if not more:
                break
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                op, *words = line.decode().split()
                print({"acquire": client.acquire, "extend": client.extend, "release": client.release}[op](*words), flush=True)
    client.give_back()
    while client.owed:
        time.sleep(client.settle())


if __name__ == "__main__":
    main()
