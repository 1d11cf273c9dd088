-- Gives the lock back if this token still owns it, and tells those who wait for it.
--   KEYS[1] lock   KEYS[2] record (fenced only)   ARGV[1] token   ARGV[2] life of the record, ms
-- Returns {1} when given back, {0} when another holds it, {-1} when nobody does.
local owner, text = unpack(redis.call('MGET', unpack(KEYS)))
local gave = owner == ARGV[1]
if gave then
  redis.call('DEL', KEYS[1])
end
-- The record is "REGISTER TOKEN DEADLINE OWNER", see record.lua. It loses its owner.
text = text or ''
local start, stop = string.find(text, ' ' .. ARGV[1] .. ' ', 1, true)
-- At the first space: an owner's text may have a token in it.
local deadline = start and start == string.find(text, ' ', 1, true) and string.sub(text, stop + 1)
if deadline and deadline ~= '-' then
  if not gave then
    -- As in extend.lua. The record may live longer than that, see record.lua.
    redis.call('PEXPIRE', KEYS[2], math.max(redis.call('PTTL', KEYS[2]), ARGV[2]))
    gave = deadline ~= '0' and string.sub(deadline, 1, 2) ~= '0 '
  end
  redis.call('SET', KEYS[2], string.sub(text, 1, stop) .. '-', 'KEEPTTL')
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
