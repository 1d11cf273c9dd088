-- Raises the register to a fencing token on which a majority is to agree.
--   KEYS[1] lock   KEYS[2] register
--   ARGV[1] token  ARGV[2] fencing token  ARGV[3] life of the register, ms
-- Returns {1, value} when the register is at the value, {0, register} when refused. Whoever
-- doesn't own the lock here must not touch the register, and it never goes down.
local register = tonumber(redis.call('GET', KEYS[2]) or '0')
local value = tonumber(ARGV[2])
if redis.call('GET', KEYS[1]) ~= ARGV[1] or register > value then
  return {0, register}
end
-- The register has to outlive the lock also where the clock is put right later, see extend.lua.
local life = math.max(tonumber(ARGV[3]), redis.call('PTTL', KEYS[2]))
redis.call('SET', KEYS[2], string.format('%.0f', value), 'PX', string.format('%.0f', life))
return {1, value}
