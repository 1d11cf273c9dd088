-- Extends a lock without fencing that this token still holds; restores one that the voter lost.
--   KEYS[1] lock   ARGV[1] token  ARGV[2] ttl, ms  ARGV[3] 1 to restore
-- Returns {1} when held for ttl from now or longer, {0} when another holds it, {-1} when nobody does.
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return {0}
end
if not owner and ARGV[3] ~= '1' then
  return {-1}
end
if not owner or redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return {1}
