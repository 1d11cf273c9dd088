-- Extends a lock that this token still holds; restores one that the voter lost, if asked to.
--   KEYS[1] lock   KEYS[2] register (fenced only)
--   ARGV[1] token  ARGV[2] ttl, ms  ARGV[3] 1 to restore
--   ARGV[4] fencing token  ARGV[5] life of the register, ms (fenced only)
--   ARGV[6] not after, µs of this server's clock: for restoring
-- Returns {1} when held for ttl from now or longer, {0} when another holds it, {-1} when nobody does,
-- {-2} when nobody does but a later owner was here: its fencing token is in the register,
-- {-4} when the offer to restore comes too late.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return {0}
end
local register, value = 0, 0
if KEYS[2] then
  register = tonumber(redis.call('GET', KEYS[2]) or '0')
  value = tonumber(ARGV[4])
end
if owner then
  -- Never shorten it, nor the register's life: where the clock was set back its end is far away,
  -- and that end is what holds if the clock is put right again.
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
elseif register > value then
  return {-2}
elseif ARGV[3] ~= '1' then
  return {-1}
else
  local time = redis.call('TIME')
  if time[1] * 1000000 + time[2] > tonumber(ARGV[6]) then
    return {-4}
  end
  redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
end
if KEYS[2] then
  local life = math.max(tonumber(ARGV[5]), redis.call('PTTL', KEYS[2]))
  redis.call('SET', KEYS[2], string.format('%.0f', math.max(register, value)), 'PX', string.format('%.0f', life))
end
return {1}
