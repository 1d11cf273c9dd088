-- Gives the lock back if this token still owns it, and calls the first of those who wait for it, see line.lua.
--   KEYS[1] lock   KEYS[2] line   KEYS[3] record (fenced only)   ARGV[1] token   ARGV[2] life of the record, ms
--   ARGV[3] 1 to call the next where PUBLISH counts all who hear, 2 to call the next, 0 to call nobody
-- Returns {1, called} when given back, {0, 0} when another holds it, {-1, 0} when nobody does; called is 1 if somebody was.
local owner, text = unpack(redis.call('MGET', KEYS[1], KEYS[3] or KEYS[1]))
local gave = owner == ARGV[1]
if gave then
  redis.call('DEL', KEYS[1])
end
-- The record is "REGISTER TOKEN DEADLINE OWNER", see record.lua. It loses its owner.
text = KEYS[3] and text or ''
local start, stop = string.find(text, ' ' .. ARGV[1] .. ' ', 1, true)
-- At the first space: an owner's text may have a token in it.
local deadline = start and start == string.find(text, ' ', 1, true) and string.sub(text, stop + 1)
if deadline and deadline ~= '-' then
  if not gave then
    -- As in extend.lua. The record may live longer than that, see record.lua.
    redis.call('PEXPIRE', KEYS[3], math.max(redis.call('PTTL', KEYS[3]), ARGV[2]))
    gave = deadline ~= '0' and string.sub(deadline, 1, 2) ~= '0 '
  end
  redis.call('SET', KEYS[3], string.sub(text, 1, stop) .. '-', 'KEEPTTL')
end
if not gave then
  return {owner and 0 or -1, 0}
end
-- pcall: whatever is wrong with the line, the lock has been released.
if ARGV[3] ~= '0' and redis.pcall('TYPE', KEYS[2]).ok == 'zset' then
  local fine, process = pcall(call, KEYS[2], KEYS[1], string.sub(ARGV[1], 1, 8), ARGV[3] == '1')
  return {1, fine and process and 1 or 0}
end
return {1, 0}
