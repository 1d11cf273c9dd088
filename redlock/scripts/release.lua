-- Deletes the lock if this token still holds it, and tells those who wait for it.
--   KEYS[1] lock   ARGV[1] token
-- Returns {1} when deleted, {0} when another holds it, {-1} when nobody does.
local owner = redis.call('GET', KEYS[1])
if owner == ARGV[1] then
  redis.call('DEL', KEYS[1])
  -- pcall: a user without the right to publish has still released the lock.
  redis.pcall('PUBLISH', KEYS[1] .. ':free', '')
  return {1}
end
if owner then
  return {0}
end
return {-1}
