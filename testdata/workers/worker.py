#!/usr/bin/env python3
"""A minimal worker for redlock-bench, written from docs/worker-protocol.md alone.

Its lock is one key on the middle node, taken with SET NX PX and given back only by its owner. It needs nothing but
Python 3 on Linux.

    redlock-bench worker-check testdata/workers/worker.py
    redlock-bench run --worker py=testdata/workers/worker.py --subject py,guarded
"""

import http.client
import json
import os
import secrets
import signal
import socket
import sys
import time
from urllib.parse import urlparse

DRIFT = 0.01  # how much faster than ours the node's clock may run
IF_MINE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call({}) end return 0"
EXTEND = IF_MINE.format("'PEXPIRE', KEYS[1], ARGV[2]")
RELEASE = IF_MINE.format("'DEL', KEYS[1]")


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Refused(Exception):
    """The lock or the resource said no, which is a result."""


class Node:
    """One Redis server. Each command has a time-out; after an error the next one connects anew."""

    def __init__(self, url, timeout):
        self.address, self.timeout, self.stream = (url.hostname, url.port), timeout, None

    def command(self, *words):
        try:
            if self.stream is None:
                connection = socket.create_connection(self.address, self.timeout)
                self.stream = connection.makefile("rwb", buffering=0)
            parts = [str(w).encode() for w in words]
            self.stream.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
            line = b""
            while not line.endswith(b"\r\n"):
                byte = self.stream.read(1)
                if not byte:
                    raise OSError("the node closed the connection")
                line += byte
        except OSError as problem:
            self.stream = None
            raise Refused(str(problem))
        kind, value = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise Refused(value)
        return value  # "OK", a number, or "-1" for nil; no command here returns more


class Worker:
    def hello(self, request):
        config = request["config"]
        if config["version"] != 1:
            raise Refused("this worker speaks version 1")
        middle = len(config["nodes"]) // 2
        self.node = Node(urlparse(config["nodes"][middle]), config["node_timeout_ms"] / 1000)
        self.resource, self.client, self.locks = urlparse(config["resource"]), config["client"], {}
        return {"version": 1, "uses": [middle]}

    def acquire(self, request):
        name, ttl = request["name"], request["ttl_ms"]
        self.locks[name] = lock = {"token": secrets.token_hex(16), "ttl": ttl, "until": 0, "lease": request["id"]}
        start = now()
        if self.node.command("SET", name, lock["token"], "NX", "PX", ttl) != "OK":
            raise Refused("held by another")
        return {"token": lock["token"], **self.trusted(lock, start)}

    def extend(self, request):
        lock, start = self.locks[request["name"]], now()
        if self.node.command("EVAL", EXTEND, 1, request["name"], lock["token"], lock["ttl"]) != "1":
            raise Refused("it isn't ours any more")
        return self.trusted(lock, start)

    def release(self, request):
        if self.node.command("EVAL", RELEASE, 1, request["name"], self.locks[request["name"]]["token"]) != "1":
            raise Refused("it isn't ours any more")
        return {}

    def check(self, request):
        lock = self.locks[request["name"]]
        if now() >= lock["until"]:
            raise Refused("its time is over")
        return {"valid_until_ns": lock["until"]}

    def read(self, request):
        lock = self.locks[request["name"]]
        lock["counters"] = self.ask("GET")
        return {"counters": lock["counters"], "valid_until_ns": lock["until"]}

    def write(self, request):
        lock = self.locks[request["name"]]
        if request.get("recheck"):
            self.check(request)
        if request.get("stop_after_check"):
            os.kill(os.getpid(), signal.SIGSTOP)
        self.ask("POST", json.dumps({"client": self.client, "lease": lock["lease"], "read": lock["counters"]}))
        return {"valid_until_ns": lock["until"]}

    def trusted(self, lock, start):
        """The lock may be trusted for its TTL from before it was asked for, less what clocks may drift."""
        lock["until"] = start + int(lock["ttl"] * 1e6 * (1 - DRIFT))
        return {"valid_until_ns": lock["until"]}

    def ask(self, method, body=None):
        connection = http.client.HTTPConnection(self.resource.hostname, self.resource.port, timeout=60)
        try:
            connection.request(method, "/counters", body)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise Refused(f"the resource answered {answer.status}")
        return json.loads(text)


OPERATIONS = {"hello", "acquire", "extend", "release", "check", "read", "write"}


def main():
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)  # what isn't JSON ends the worker with a traceback and status 1
        op, reply = request["op"], {"id": request["id"]}
        if op not in ("hello", "exit"):
            reply["invoked_ns"] = now()
        try:
            if op in OPERATIONS:
                reply.update(getattr(worker, op)(request))
            elif op != "exit":
                raise Refused(f"unknown operation {op}")
            reply["ok"] = True
        except Refused as why:
            reply.update(ok=False, error=str(why))
            if op in ("extend", "check", "read", "write"):
                reply["valid_until_ns"] = worker.locks[request["name"]]["until"]
        if op not in ("hello", "exit"):
            reply["returned_ns"] = now()
        print(json.dumps(reply), flush=True)
        if op == "exit":
            return


if __name__ == "__main__":
    main()
