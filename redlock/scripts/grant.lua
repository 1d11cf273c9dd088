-- Grants locks that nobody holds, and a fencing value with each. One after the other, so each is granted on what the one before has left.
--   KEYS: of each lock its key and its record; and at the end the marker (guarded only, see enrol.lua)
--   ARGV[1] life of the records, ms   ARGV[2] the marker's field that has the group's set
--   ARGV[3], ARGV[4] the client's own set and one that it joins, see tell.lua
--   and of each lock: token   ttl, ms   proposal, unix µs   deadline   earliest and latest that it can be now: agreed time,
--   unix µs; the deadline is 0 where the client has no guards   what the owner calls itself
-- Returns of each lock {status, time by this server's clock in µs, value, until, holder}:
--   1, time, register, 0, 0 granted   0, time, PTTL of the lock, deadline, holder: held by another, by its
--   record if the deadline isn't 0; the holder is the first 32 bits of its token
--   -1, time, 0, 0, 0 this token has given it back
--   -3, time, 0, until, 0 quarantined; until is 0 while nobody has said how long
--   -5, time, 0, 0, 0 this server's clock is astray
--   -6, time, 0, 0, 0 it votes for another set of voters
--   -9 an error at one of several locks, see each.lua
local count = (#ARGV - 4) / 7
local now, life = clock(), tonumber(ARGV[1])
local key = KEYS[2 * count + 1]
local marker = key and redis.call('HMGET', key, 'until', 'longest', 'life', ARGV[2], alone(ARGV[2])) or {}
local set, ends, longest = setOf(marker[4]), tonumber(marker[1] or '0'), tonumber(marker[2] or '0')
local noted = not key

local function grant(lock, name, token, ttl, proposal, deadline, earliest, latest, owner)
  local timed, early = tonumber(deadline), tonumber(earliest)
  if key then
    if astray(now, life, marker[3], early, tonumber(latest)) then
      return -5, now, 0, 0, 0
    end
    local says, from = votes(set, ARGV[3], ARGV[4], early)
    if says == -6 then
      return -6, now, 0, 0, 0
    end
    if not marker[1] or early < ends then
      return -3, now, 0, ends, 0
    end
    if says == -3 then
      return -3, now, 0, from, 0
    end
  end
  local holder, record = redis.call('GET', lock), read(name)
  if owns(holder, record, token) then
    -- A retry by the client library. Nobody else raises the register of a lock that's held.
    return 1, now, record.register, 0, 0
  end
  if held(holder, record, timed, early) then
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
  if key and longest < tonumber(ttl) then
    longest = tonumber(ttl)
    redis.call('HSET', key, 'longest', ttl)
  end
  if not noted then
    noted = true
    remember(key, life, marker[3])
    serves(key, ARGV[2], ARGV[4], marker[5], now)
  end
  store(name, value == asked and proposal or digits(value), value - now, token, deadline, owner, ARGV[1])
  redis.call('SET', lock, token, 'PX', ttl)
  return 1, now, value, 0, 0
end

return each(count, function(i)
  return grant(KEYS[2 * i - 1], KEYS[2 * i], unpack(ARGV, 7 * i - 2, 7 * i + 4))
end, 5)
