-- Grants a lock that nobody holds and, where the lock is fenced, a fencing value.
--   KEYS[1] lock   KEYS[2] register (fenced only)
--   ARGV[1] token  ARGV[2] ttl, ms  ARGV[3] proposal, unix µs  ARGV[4] life of the register, ms
-- Returns {1, value} when granted, {0, remaining ms} when another holds it.
local owner = redis.call('GET', KEYS[1])
local register = tonumber(redis.call('GET', KEYS[2]) or '0')
if owner == ARGV[1] then
  -- A retry by the client library. While we hold the lock nobody else raises the register.
  return {1, register}
end
if owner then
  return {0, redis.call('PTTL', KEYS[1])}
end
-- A client's clock may be far ahead; it mustn't carry the registers away for ever.
local now = redis.call('TIME')
local proposal = math.min(tonumber(ARGV[3]), (now[1] + 3600) * 1000000 + now[2])
local value = math.max(register + 1, proposal)
if value > 9007199254740991 then
  return redis.error_reply('ERR redlock: fencing register ' .. KEYS[2] .. ' is beyond 2^53-1')
end
redis.call('SET', KEYS[2], string.format('%.0f', value), 'PX', ARGV[4])
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return {1, value}
