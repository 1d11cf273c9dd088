-- Checks that this server remembers what it voted for, and enrols it anew if it may not. It's the first
-- command that asks for votes on each connection, so it runs in the very process that executes the rest.
--   KEYS[1] marker
--   ARGV[1] a number for a new enrolment, 0 to change nothing   ARGV[2] 1 if the server's data survives its restarts
--   ARGV[3] the marker's field that has the group's set of voters
-- The marker says under which run id the server was enrolled, its last promotion, the enrolment's
-- number, from when on it votes (until; agreed time, unix µs; see admit.lua), and the longest TTL, ms, of the
-- locks that it was asked for. A server without a marker, or with that of another process, may have
-- forgotten locks, and one that was promoted may have missed some: each promotion leaves the former
-- history's id in master_replid2 (where no replica is left it's cleared some time later). A new enrolment
-- forgets all else: the shortest life of records (life, ms; see record.lua), since their locks are over before it votes, and the
-- sets of voters (see tell.lua), since it may have missed a change.
-- Returns {time by this server's clock in µs, number, until or 0, longest TTL, the first 48 bits of the run id,
-- the set of voters or '', when a locker was served last that has that set alone, by this server's clock in µs, or 0}.
local now = clock()
local marker = redis.call('HMGET', KEYS[1], 'run', 'promoted', 'number', 'until', 'longest', ARGV[3] or '', alone(ARGV[3]))
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
if not run then
  return redis.error_reply('NORUNID the server does not tell its run id')
end
-- In two parts, for servers whose Lua reads no more than 32 bits at once.
local id = (tonumber(string.sub(run, 1, 6), 16) or 0) * 16777216 + (tonumber(string.sub(run, 7, 12), 16) or 0)
local before = marker[2] or ''
local promoted = string.match(redis.call('INFO', 'replication'), 'master_replid2:(%w*[1-9a-f]%w*)') or before
local longest = tonumber(marker[5] or '0')
-- Another run id, where the data survives restarts, is the business of lockers that don't count on that.
if marker[3] and (marker[1] == run or ARGV[2] == '1') and promoted == before then
  return {now, tonumber(marker[3]), tonumber(marker[4] or '0'), longest, id, marker[6] or '', tonumber(marker[7] or '0')}
end
if ARGV[1] == '0' then
  return {now, 0, 0, longest, id, '', 0}
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'run', run, 'promoted', promoted, 'number', ARGV[1], 'longest', longest)
return {now, tonumber(ARGV[1]), 0, longest, id, '', 0}
