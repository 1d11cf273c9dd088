-- Gives locks back that their tokens still own, and calls the first of those who wait for each, see line.lua. All have different names.
--   KEYS: of each lock its key, its line, and its record (fenced only)
--   ARGV[1] life of the records, ms   ARGV[2] 1 to call the next where PUBLISH counts all who hear, 2 to call the next, 0 to call nobody
--   and of each lock: token
-- Returns of each lock {status, called}: 1 when given back, 0 when another holds it, -1 when nobody does, -9 for an error, see each.lua;
-- called is 1 if somebody was.
local count, calls = #ARGV - 2, ARGV[2]
local width = #KEYS / count
local fenced = width > 2
-- MGET says that a line isn't there, as it does of all that isn't a text.
local there = redis.call('MGET', unpack(KEYS))
local lines, gone = {}, {}
for i = 1, count do
  local at = width * (i - 1)
  lines[i] = KEYS[at + 2]
  if there[at + 1] == ARGV[i + 2] then
    gone[#gone + 1] = KEYS[at + 1]
  end
end
-- DEL first: it's allowed where memory is used up, and so is what the script writes after it.
if gone[1] then
  redis.call('DEL', unpack(gone))
end
-- pcall: whatever is wrong with a line, its lock is released. Where the user may not ask, there may be somebody.
local anybody = calls ~= '0' and redis.pcall('EXISTS', unpack(lines)) or 0

local function release(i)
  local at = width * (i - 1)
  local lock, owner, token = KEYS[at + 1], there[at + 1], ARGV[i + 2]
  local name, text = fenced and KEYS[at + 3], fenced and there[at + 3] or ''
  local gave = owner == token
  -- The record is "REGISTER TOKEN DEADLINE OWNER", see record.lua. It loses its owner.
  -- At the first space: an owner's text may have a token in it.
  local start = string.find(text, ' ', 1, true)
  local stop = start and start + #token + 1
  if start and string.sub(text, start + 1, stop) == token .. ' ' then
    local deadline = string.sub(text, stop + 1)
    if deadline ~= '-' then
      if not gave then
        -- As in extend.lua. The record may live longer than that, see record.lua.
        redis.call('PEXPIRE', name, math.max(redis.call('PTTL', name), ARGV[1]))
        gave = deadline ~= '0' and string.sub(deadline, 1, 2) ~= '0 '
      end
      redis.call('SET', name, string.sub(text, 1, stop) .. '-', 'KEEPTTL')
    end
  end
  if not gave then
    return owner and 0 or -1, 0
  end
  if anybody ~= 0 then
    local fine, process = pcall(call, lines[i], lock, string.sub(token, 1, 8), calls == '1')
    return 1, fine and process and 1 or 0
  end
  return 1, 0
end

return each(count, release, 2)
