-- Takes a place in the line of those who wait for a lock, keeps it, or leaves. Where the lock is free it calls the first in line.
--   KEYS[1] lock   KEYS[2] line   KEYS[3] record (fenced only)
--   ARGV[1] process   ARGV[2] its ticket; 0 for a new one, less than 0 for one of so many µs ago, 'leave' to leave
--   ARGV[3] the ticket of somebody who was called and should have come by now, or 0   ARGV[4] 1 if PUBLISH counts all who hear
--   ARGV[5] for how long the line is kept, ms   ARGV[6] 1 with guards, else 0   ARGV[7] earliest that it can be now, as in grant.lua
-- Returns {status, time by this server's clock in µs, PTTL of the lock, deadline, holder, ticket, ahead, called}:
--   1 the lock is free, and this process is the one to ask for it   0 it's held: by whom, as in grant.lua; ahead is how
--   many are before this process   -1 it's free, and another was called, whose ticket is `called`; or the process has left
local now = clock()
local lock, line, process = KEYS[1], KEYS[2], ARGV[1]
local counts = ARGV[4] == '1'
local owner = redis.call('GET', lock)
local record = KEYS[3] and read(KEYS[3]) or {token = '', deadline = 0}
local free = not held(owner, record, tonumber(ARGV[6]), tonumber(ARGV[7]))

-- Who was called and hasn't come.
local function summoned()
  local first = redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')
  if first[1] and tonumber(first[2]) < 0 then
    return first[1], string.format('%.0f', -tonumber(first[2]))
  end
end

if ARGV[2] == 'leave' then
  redis.call('ZREM', line, process)
  if free and not summoned() then
    call(line, lock, '', counts)
  end
  return {-1, now, 0, 0, 0, 0, 0, 0}
end

local called, since = summoned()
if free and called == process then
  return {1, now, 0, 0, 0, tonumber(since), 0, 0}
end
local ticket = tonumber(ARGV[2])
if ticket < 0 then
  ticket = now + ticket
elseif ticket == 0 then
  -- Behind the last, whatever became of this server's clock since.
  local last = redis.call('ZREVRANGE', line, 0, 0, 'WITHSCORES')
  ticket = math.max(now, math.abs(tonumber(last[2] or '0')) + 1)
end
ticket = math.max(ticket, 1)
redis.call('ZADD', line, string.format('%.0f', ticket), process)
redis.call('PEXPIRE', line, ARGV[5])
if not free then
  redis.call('ZREMRANGEBYSCORE', line, '-inf', '(0') -- who was called has come, or another before
  local holder = tonumber(string.sub(owner or record.token, 1, 8), 16) or 0
  return {0, now, redis.call('PTTL', lock), record.deadline, holder, ticket, redis.call('ZRANK', line, process), 0}
end
if not called or since == ARGV[3] then
  called, since = call(line, lock, '', counts, process)
end
if called == process then
  return {1, now, 0, 0, 0, ticket, 0, 0}
end
return {-1, now, 0, 0, 0, ticket, redis.call('ZRANK', line, process), tonumber(since)}
