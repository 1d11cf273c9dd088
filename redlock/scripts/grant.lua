-- Grants locks that nobody holds, and a fencing value with each. All have different names.
--   KEYS: of each lock its key and its record; and at the end the marker (guarded only, see enrol.lua)
--   ARGV[1] life of the records, ms   ARGV[2] the marker's field that has the group's set
--   ARGV[3], ARGV[4] the client's own set and one that it joins, see tell.lua
--   ARGV[5] ttl, ms   ARGV[6] deadline, ARGV[7] earliest and ARGV[8] latest that it can be now: agreed time,
--   unix µs; the deadline is 0 where the client has no guards   ARGV[9] what the owner calls itself
--   and of each lock: token   proposal, unix µs
-- Returns of each lock {status, time by this server's clock in µs, value, until, holder}:
--   1, time, register, 0, 0 granted   0, time, PTTL of the lock, deadline, holder: held by another, by its
--   record if the deadline isn't 0; the holder is the first 32 bits of its token
--   -1, time, 0, 0, 0 this token has given it back
--   -3, time, 0, until, 0 quarantined; until is 0 while nobody has said how long
--   -5, time, 0, 0, 0 this server's clock is astray
--   -6, time, 0, 0, 0 it votes for another set of voters
--   -9 an error at one of several locks, see each.lua
local count = (#ARGV - 9) / 2
local now, life = clock(), tonumber(ARGV[1])
local ttl, deadline, earliest, owner = ARGV[5], ARGV[6], tonumber(ARGV[7]), ARGV[9]
local timed = tonumber(deadline)
local key = KEYS[2 * count + 1]
local marker = key and redis.call('HMGET', key, 'until', 'longest', 'life', ARGV[2], alone(ARGV[2])) or {}

-- What keeps this server from voting at all, if anything does: a status, and until when.
local refused, lasts = nil, 0
if key then
  local says, from = votes(setOf(marker[4]), ARGV[3], ARGV[4], earliest)
  local ends = tonumber(marker[1] or '0')
  if astray(now, life, marker[3], earliest, tonumber(ARGV[8])) then
    refused = -5
  elseif says == -6 then
    refused = -6
  elseif not marker[1] or earliest < ends then
    refused, lasts = -3, ends
  elseif says == -3 then
    refused, lasts = -3, from
  end
end

-- What's stored under the locks' keys and records.
local there, strange = {}, false
if not refused and count == 1 then
  there = {redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])}
elseif not refused then
  there = redis.call('MGET', unpack(KEYS, 1, 2 * count))
  local absent = {}
  for i = 1, 2 * count do
    if not there[i] then
      absent[#absent + 1] = KEYS[i]
    end
  end
  -- MGET says of a key of another type that it isn't there, and SET would put a text in its place. pcall: older rules don't let users ask.
  strange = absent[1] and redis.pcall('EXISTS', unpack(absent)) ~= 0
end
local noted = not key

local function grant(i)
  if refused then
    return refused, now, 0, lasts, 0
  end
  local lock, name, token, proposal = KEYS[2 * i - 1], KEYS[2 * i], ARGV[2 * i + 8], ARGV[2 * i + 9]
  if strange then
    redis.call('GET', lock) -- fails if it's this one
    redis.call('GET', name)
  end
  local holder, record = there[2 * i - 1], parse(there[2 * i], name)
  if owns(holder, record, token) then
    -- A retry by the client library. Nobody else raises the register of a lock that's held.
    return 1, now, record.register, 0, 0
  end
  if held(holder, record, timed, earliest) then
    return 0, now, redis.call('PTTL', lock), record.deadline, tonumber(string.sub(holder or record.token, 1, 8), 16) or 0
  end
  if record.back and record.token == token then
    return -1, now, 0, 0, 0
  end
  -- A client's clock may be far ahead; it mustn't carry the registers away for ever.
  local asked = tonumber(proposal)
  local value = math.max(record.register + 1, math.min(asked, now + 3600000000))
  if value > 9007199254740991 then
    error('redlock: fencing register ' .. name .. ' is beyond 2^53-1')
  end
  if not noted then
    if tonumber(marker[2] or '0') < tonumber(ttl) then
      redis.call('HSET', key, 'longest', ttl)
    end
    remember(key, life, marker[3])
    serves(key, ARGV[2], ARGV[4], marker[5], now)
    noted = true -- where that fails, no lock is granted
  end
  local text, lives = entry(value == asked and proposal or digits(value), value - now, token, deadline, owner, ARGV[1])
  redis.call('SET', name, text, 'PX', lives)
  redis.call('SET', lock, token, 'PX', ttl)
  return 1, now, value, 0, 0
end

return each(count, grant, 5)
