-- Checks that this server remembers what it voted for, and enrols it if it may not. It's the
-- first command of every batch that asks for votes, so it runs in the very process that
-- executes the rest.
--   KEYS[1] marker
--   ARGV[1] MaxTTL, ms   ARGV[2] 1 if the server's data survives its restarts
-- The marker says under which run id the server was enrolled, since when (its own clock, µs)
-- and the largest MaxTTL in use. A server without a marker, or with that of another process,
-- may have forgotten locks; it's enrolled anew, and waits until they must have expired.
-- Returns {seconds, microseconds, MaxTTL} by its own clock.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local marker = redis.call('HMGET', KEYS[1], 'run', 'since', 'maxttl')
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local since, known = tonumber(marker[2] or '-1'), tonumber(marker[3] or '0')
local longest = math.max(known, tonumber(ARGV[1]))
if since < 0 or since > now or (marker[1] ~= run and ARGV[2] ~= '1') then
  since = now
elseif marker[1] == run and longest == known then
  return {tonumber(time[1]), tonumber(time[2]), longest}
end
redis.call('HSET', KEYS[1], 'run', run, 'since', string.format('%.0f', since), 'maxttl', string.format('%.0f', longest))
return {tonumber(time[1]), tonumber(time[2]), longest}
