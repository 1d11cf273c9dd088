-- Gives the lock back if this token still owns it, and tells those who wait for it.
--   KEYS[1] lock   KEYS[2] record (fenced only)   ARGV[1] token   ARGV[2] life of the record, ms
-- Returns {1} when given back, {0} when another holds it, {-1} when nobody does.
local owner, gave = redis.call('GET', KEYS[1]), false
if owner == ARGV[1] then
  redis.call('DEL', KEYS[1])
  gave = true
end
if KEYS[2] then
  local record = read(KEYS[2])
  if record.token == ARGV[1] and not record.back then
    gave = gave or record.deadline > 0
    record.back = true
    redis.call('PEXPIRE', KEYS[2], ARGV[2]) -- as in extend.lua
    write(KEYS[2], record, tonumber(ARGV[2]), clock())
  end
end
if gave then
  -- pcall: a user without the right to publish has still released the lock.
  redis.pcall('PUBLISH', KEYS[1] .. ':free', '')
  return {1}
end
if owner then
  return {0}
end
return {-1}
