// A worker for redlock-bench with the npm package redlock inside: it answers each line on standard
// input with one on standard output, as docs/worker-protocol.md describes.
//
//   redlock-bench run --worker 'node-redlock=node cmd/redlock-peers/node/worker.js'

import { createInterface } from 'node:readline';
import Redis from 'ioredis';
import Redlock from 'redlock';

const version = 1;

// Node.js can't read the boot clock, so that's computed from the time in each request and a clock of
// our own. The largest difference is the one that's least falsified by a line's way through the pipe.
let ahead = -Infinity;
const own = () => Number(process.hrtime.bigint());
const now = () => Math.round(own() + ahead);
// The package counts in milliseconds of the wall clock.
const fromWallClock = (ms) => now() + Math.round((ms - Date.now()) * 1e6);

let config, redlock;
const held = new Map(); // the last acquisition of each name

class Refusal extends Error {}

// refused marks an error of the package as its answer.
const refused = (promise) => promise.catch((err) => { throw new Refusal(err.message); });

async function hello(request) {
  config = request.config;
  if (config.version !== version) throw new Error(`the harness speaks version ${config.version}, this worker ${version}`);
  const clients = config.nodes.map((url) => {
    const client = new Redis(url, { commandTimeout: config.node_timeout_ms, connectTimeout: config.node_timeout_ms });
    return client.on('error', () => {}); // commands fail, too, which is what counts
  });
  // The protocol wants one attempt; the package would make eleven.
  redlock = new Redlock(clients, { retryCount: 0 });
  return { version };
}

async function acquire({ id, name, ttl_ms: ttl }) {
  held.delete(name);
  const lock = await refused(redlock.lock(name, ttl));
  held.set(name, { id, ttl, lock, until: lock.expiration });
  return { token: lock.value };
}

async function extend({ name }) {
  const lease = held.get(name);
  lease.lock = await refused(lease.lock.extend(lease.ttl));
  lease.until = lease.lock.expiration;
}

async function release({ name }) {
  await refused(held.get(name).lock.unlock());
}

async function check({ name }) {
  if (Date.now() >= held.get(name).until) throw new Refusal('the lock is no longer valid');
}

async function counters(options) {
  const response = await fetch(`${config.resource}/counters`, options);
  if (!response.ok) throw new Error(`the resource answered ${response.status}`);
  return response.json();
}

async function read({ name }) {
  return { counters: (held.get(name).read = await counters()) };
}

async function write(request) {
  const lease = held.get(request.name);
  if (request.recheck) await check(request);
  if (request.stop_after_check) process.kill(process.pid, 'SIGSTOP');
  await counters({ method: 'POST', body: JSON.stringify({ client: config.client, lease: lease.id, read: lease.read }) });
}

const operations = { hello, acquire, extend, release, check, read, write, exit: async () => ({}) };

async function answer(request) {
  const reply = { id: request.id, ok: true };
  const aboutLock = request.op !== 'hello' && request.op !== 'exit';
  if (aboutLock) reply.invoked_ns = now();
  try {
    Object.assign(reply, await operations[request.op](request));
  } catch (err) {
    if (!(err instanceof Refusal)) throw err;
    Object.assign(reply, { ok: false, error: err.message });
  }
  if (aboutLock) {
    const lease = held.get(request.name);
    if (lease && request.op !== 'release') reply.valid_until_ns = fromWallClock(lease.until);
    reply.returned_ns = now();
  }
  return reply;
}

for await (const line of createInterface({ input: process.stdin })) {
  const received = own();
  const request = JSON.parse(line);
  ahead = Math.max(ahead, request.now_ns - received);
  process.stdout.write(JSON.stringify(await answer(request)) + '\n');
  if (request.op === 'exit') break;
}
process.exit();
