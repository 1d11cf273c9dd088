-- Extends a lock that this token still holds; restores one that the voter lost, if asked to.
--   KEYS[1] lock   KEYS[2] register (fenced only)
--   ARGV[1] token  ARGV[2] ttl, ms  ARGV[3] 1 to restore
--   ARGV[4] fencing token  ARGV[5] life of the register, ms (fenced only)
--   ARGV[6] not after, µs of this server's clock: for restoring
-- Returns {1, register} when held for ttl from now or longer, {0, register} when another holds it,
-- {-1, register} when nobody does, {-4, register} when the offer to restore comes too late. A register
-- beyond the fencing token shows that another was granted something here since. It never goes
-- down, and it doesn't keep a lock from being restored: most who raise it don't get the lock.
local owner = redis.call('GET', KEYS[1])
local register = 0
if KEYS[2] then
  register = tonumber(redis.call('GET', KEYS[2]) or '0')
end
if owner and owner ~= ARGV[1] then
  return {0, register}
end
if owner then
  -- Never shorten it, nor the register's life: where the clock was set back its end is far away,
  -- and that end is what holds if the clock is put right again.
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
  end
elseif ARGV[3] ~= '1' then
  return {-1, register}
else
  local time = redis.call('TIME')
  if time[1] * 1000000 + time[2] > tonumber(ARGV[6]) then
    return {-4, register}
  end
  redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
end
if KEYS[2] then
  register = math.max(register, tonumber(ARGV[4]))
  local life = math.max(tonumber(ARGV[5]), redis.call('PTTL', KEYS[2]))
  redis.call('SET', KEYS[2], string.format('%.0f', register), 'PX', string.format('%.0f', life))
end
return {1, register}
