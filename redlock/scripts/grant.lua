-- Grants a lock that nobody holds, and a fencing value with it.
--   KEYS[1] lock   KEYS[2] register   KEYS[3] marker (guarded only)
--   ARGV[1] token  ARGV[2] ttl, ms  ARGV[3] proposal, unix µs  ARGV[4] life of the register, ms
--   ARGV[5] not after, µs of this server's clock   ARGV[6] MaxTTL, ms (guarded only)
-- Returns {1, value, time} when granted, the time by this server's clock in µs, {0, remaining ms} when another holds it, {-3, remaining ms}
-- while quarantined, {-4, 0} when the request comes too late.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if KEYS[3] then
  if now > tonumber(ARGV[5]) then
    return {-4, 0}
  end
  local marker = redis.call('HMGET', KEYS[3], 'since', 'maxttl')
  local longest = math.max(tonumber(marker[2] or '0'), tonumber(ARGV[6]))
  local wait = tonumber(marker[1] or now) + longest * 1000 - now
  if wait > 0 then
    return {-3, math.ceil(wait / 1000)}
  end
end
local owner = redis.call('GET', KEYS[1])
local register = tonumber(redis.call('GET', KEYS[2]) or '0')
if owner == ARGV[1] then
  -- A retry by the client library. While we hold the lock nobody else raises the register.
  return {1, register, now}
end
if owner then
  return {0, redis.call('PTTL', KEYS[1])}
end
-- A client's clock may be far ahead; it mustn't carry the registers away for ever.
local proposal = math.min(tonumber(ARGV[3]), now + 3600000000)
local value = math.max(register + 1, proposal)
if value > 9007199254740991 then
  return redis.error_reply('ERR redlock: fencing register ' .. KEYS[2] .. ' is beyond 2^53-1')
end
local life = math.max(tonumber(ARGV[4]), redis.call('PTTL', KEYS[2])) -- as in extend.lua
redis.call('SET', KEYS[2], string.format('%.0f', value), 'PX', string.format('%.0f', life))
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return {1, value, now}
