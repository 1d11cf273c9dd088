-- Gives locks back that their tokens still own, and calls the first of those who wait for each, see line.lua.
--   KEYS: of each lock its key, its line, and its record (fenced only)
--   ARGV[1] life of the records, ms
--   and of each lock: token   1 to call the next where PUBLISH counts all who hear, 2 to call the next, 0 to call nobody
-- Returns of each lock {status, called}: 1 when given back, 0 when another holds it, -1 when nobody does, -9 for an error, see each.lua;
-- called is 1 if somebody was.
local count = (#ARGV - 1) / 2
local width = #KEYS / count

local function release(i)
  local at = width * (i - 1)
  local lock, line, name = KEYS[at + 1], KEYS[at + 2], width > 2 and KEYS[at + 3]
  local token, calls = ARGV[2 * i], ARGV[2 * i + 1]
  local there = redis.call('MGET', lock, name or lock)
  local owner, text = there[1], name and there[2] or ''
  local gave = owner == token
  if gave then
    redis.call('DEL', lock)
  end
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
  -- pcall: whatever is wrong with the line, the lock has been released.
  if calls ~= '0' and redis.pcall('TYPE', line).ok == 'zset' then
    local fine, process = pcall(call, line, lock, string.sub(token, 1, 8), calls == '1')
    return 1, fine and process and 1 or 0
  end
  return 1, 0
end
return each(count, release, 2)
