-- What the other scripts share. A name's record says who had the lock last, by the agreed time of
-- the voters' clocks, and not by this server's:
--   "REGISTER TOKEN DEADLINE OWNER": the fencing register, the last owner's token, until when (unix µs)
--   that owner may believe in its lock ("-" once it was given back, 0 where the owner has no guards), and
--   what the owner calls itself, for people to read. It may have spaces in it, and is left out with the space
--   before it if the owner says nothing.
local function parse(text, key)
  if not text then
    return {register = 0, token = '', deadline = 0, back = false, owner = ''}
  end
  local register, token, deadline = string.match(text, '^(%d+) ?(%S*) ?(%-?%d*)$')
  local owner = ''
  if not register then
    register, token, deadline, owner = string.match(text, '^(%d+) (%S+) ([%d-]+) (.+)$')
  end
  if not register then
    error('redlock: not a record of a lock: ' .. key)
  end
  return {register = tonumber(register), token = token, deadline = tonumber(deadline) or 0, back = deadline == '-', owner = owner}
end

local function read(key)
  return parse(redis.call('GET', key), key)
end

local function digits(number)
  return string.format('%.0f', number)
end

-- A record's text, and for how long it lives, ms. Its register and deadline are texts. A record never goes back to an earlier register: callers
-- only raise it. Where a register is ahead of the time, since a client's clock was, the record lives that much longer, by a day at most:
-- then the proposals of clients whose clocks are right are larger when it ends.
local function entry(register, ahead, token, deadline, owner, life)
  local text = register .. ' ' .. token .. ' ' .. deadline
  if owner ~= '' then
    text = text .. ' ' .. owner
  end
  if ahead > 0 then
    life = life + math.ceil(math.min(ahead, 86400000000) / 1000)
  end
  return text, life
end

local function write(key, record, life, now)
  local text, lasts = entry(digits(record.register), record.register - now, record.token, record.back and '-' or digits(record.deadline), record.owner or '', life)
  redis.call('SET', key, text, 'PX', lasts)
end

-- The lock is a token's own while it's the last owner and hasn't given back, also when the key
-- is gone early. Without guards the key alone decides.
local function owns(owner, record, token)
  if owner then
    return owner == token
  end
  return record.token == token and record.deadline > 0
end

-- Whether another has the lock, for a request that knows the agreed time to be past `earliest`
-- (deadline > 0), or that has no guards (deadline = 0) and goes by the key. The key counts by itself
-- where the record doesn't know its owner: that's a lock of a client without records.
local function held(owner, record, deadline, earliest)
  local timed = deadline > 0 and record.deadline > 0
  if owner and not (timed and owner == record.token) then
    return true
  end
  return timed and earliest < record.deadline
end

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- A record lives for `life` ms by this server's clock, which may be put right meanwhile: from a quarter of the life
-- behind to a quarter ahead, half of it is left, and no TTL is longer. So a server whose clock may be
-- further off doesn't vote. The shortest life of the records here counts, which the marker knows.
local function astray(now, life, shortest, earliest, latest)
  local margin = math.min(life, tonumber(shortest or life)) * 250
  return now > earliest + margin or now < latest - margin
end

-- The set of voters that a server votes for, as its marker has it: "ID GENERATION FROM NAMES", see tell.lua.
local function setOf(text)
  local id, generation, from = string.match(text or '', '^(%S+) (%d+) (%S+)')
  return {id = id, decided = id and generation ~= '0', replaces = string.match(from or '', '^%-(.*)$'), date = tonumber(from) or 0}
end

-- What a server says to a locker with one set of voters (own), or with two that it joins. A generation of 0 is a claim,
-- which is no decision yet. Returns 1 where it votes for one of them, -6 where it votes for another, and -3 where that isn't known, or not so
-- early; and from when on those are served that have the set alone, or 0.
local function votes(set, own, joined, earliest)
  if (own or '') == '' then
    return 1, 0 -- a client that doesn't say
  end
  if set.id and set.id ~= own and set.id ~= joined then
    return -6, 0
  end
  if not set.decided then
    return -3, 0
  end
  -- While it's being changed, those who join both sets are served, and nobody else: not those who join the new one and a third.
  local replaced = set.replaces
  local covered = joined ~= '' and (not replaced or replaced == own or replaced == joined)
  if covered or (not replaced and earliest >= set.date) then
    return 1, set.date
  end
  return -3, set.date
end

-- The field that says when a locker was served last that has the group's set alone, of which field is the name.
local function alone(field)
  return 'alone' .. string.sub(field or '', 7)
end

-- Notes that such a locker is served. Once a second is enough for whoever is about to change the set, see docs/operations.md.
local function serves(marker, field, joined, last, now)
  if marker and (field or '') ~= '' and joined == '' and math.abs(now - tonumber(last or '0')) > 1000000 then
    redis.call('HSET', marker, alone(field), digits(now))
  end
end

-- Has the marker know of a record with that life. It's called only where a record is written.
local function remember(marker, life, shortest)
  if marker and life < tonumber(shortest or math.huge) then
    redis.call('HSET', marker, 'life', life)
  end
end
