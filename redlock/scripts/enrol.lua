-- Checks that this server remembers what it voted for, and enrols it if it may not. It's the
-- first command of every batch that asks for votes, so it runs in the very process that
-- executes the rest.
--   KEYS[1] marker
--   ARGV[1] MaxTTL, ms   ARGV[2] 1 if the server's data survives its restarts
--   ARGV[3] the time by most voters' clocks, unix µs; 0 if it isn't known, -1 to change nothing
--   ARGV[4] by how much the server's clock may differ from that, µs
-- The marker says under which run id the server was enrolled, since when (µs), the largest MaxTTL
-- in use, and its last promotion. A server without a marker, or with that of another
-- process, may have forgotten locks, and one that was promoted may have missed some: each promotion
-- leaves the former history's id in master_replid2 (where no replica is left it's cleared some
-- time later). It's enrolled anew, and waits until they must have expired. Where its clock is behind
-- it's enrolled by the others', or the wait would be over as soon as it's put right: machines
-- start with wrong clocks.
-- Returns {time, MaxTTL}, the time by its own clock in µs.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local agreed, tolerance = tonumber(ARGV[3]), tonumber(ARGV[4])
local marker = redis.call('HMGET', KEYS[1], 'run', 'since', 'maxttl', 'promoted')
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local before = marker[4] or ''
local promoted = string.match(redis.call('INFO', 'replication'), 'master_replid2:(%w*[1-9a-f]%w*)') or before
local since, known = tonumber(marker[2] or '-1'), tonumber(marker[3] or '0')
local longest = math.max(known, tonumber(ARGV[1]))
local latest = now
if agreed - now > tolerance then
  latest = agreed
end
if agreed < 0 then
  return {now, longest}
end
if since < 0 or (agreed > 0 and since - latest > tolerance) or (marker[1] ~= run and ARGV[2] ~= '1') or promoted ~= before then
  since = latest
else
  run = marker[1] -- that of lockers that don't count on its data is their business
  if longest == known then
    return {now, longest}
  end
end
redis.call('HSET', KEYS[1], 'run', run, 'since', string.format('%.0f', since), 'maxttl', string.format('%.0f', longest), 'promoted', promoted)
return {now, longest}
