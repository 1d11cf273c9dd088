-- What the other scripts share. A name's record says who had the lock last, by the agreed time of
-- the voters' clocks, and not by this server's:
--   "REGISTER TOKEN DEADLINE": the fencing register, the last owner's token, and until when (unix µs)
--   that owner may believe in its lock; "-" once it was given back, 0 where the owner has no guards.
local function read(key)
  local text = redis.call('GET', key)
  if not text then
    return {register = 0, token = '', deadline = 0, back = false}
  end
  local register, token, deadline = string.match(text, '^(%d+) ?(%S*) ?([%d-]*)$')
  if not register then
    error('redlock: not a record of a lock: ' .. key)
  end
  return {register = tonumber(register), token = token, deadline = tonumber(deadline) or 0, back = deadline == '-'}
end

-- life is in ms. A record never goes back to an earlier register: callers only raise it.
local function write(key, record, life)
  local deadline = record.back and '-' or string.format('%.0f', record.deadline)
  redis.call('SET', key, string.format('%.0f', record.register) .. ' ' .. record.token .. ' ' .. deadline, 'PX', life)
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

-- A record lives for `life` ms by this server's clock. Where that is off the agreed time by more than
-- a quarter of this, a correction could end a record that's still needed, so the server doesn't vote.
local function astray(now, life, earliest, latest)
  local margin = life * 250
  return now > latest + margin or now < earliest - margin
end
