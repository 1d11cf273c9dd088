-- Grants a lock that nobody holds, and a fencing value with it.
--   KEYS[1] lock   KEYS[2] record   KEYS[3] marker (guarded only, see enrol.lua)
--   ARGV[1] token  ARGV[2] ttl, ms  ARGV[3] proposal, unix µs  ARGV[4] life of the record, ms
--   ARGV[5] deadline, ARGV[6] earliest and ARGV[7] latest that it can be now: agreed time, unix µs;
--   the deadline is 0 where the client has no guards   ARGV[8] what the owner calls itself
--   ARGV[9] the marker's field that has the group's set   ARGV[10], ARGV[11] the client's own set and one that it joins, see tell.lua
-- Returns {status, time by this server's clock in µs, value, until}:
--   {1, time, register, 0} granted   {0, time, PTTL of the lock, deadline, holder} held by another, by its
--   record if the deadline isn't 0; the holder is the first 32 bits of its token
--   {-1, time, 0, 0} this token has given it back
--   {-3, time, 0, until} quarantined; until is 0 while nobody has said how long
--   {-5, time, 0, 0} this server's clock is astray
--   {-6, time, 0, 0} it votes for another set of voters
local now = clock()
local token, ttl, life = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local deadline, earliest = tonumber(ARGV[5]), tonumber(ARGV[6])
local marker, floor = {}, 0
if KEYS[3] then
  marker = redis.call('HMGET', KEYS[3], 'until', 'longest', 'life', ARGV[9] or '', alone(ARGV[9]))
  if astray(now, life, marker[3], earliest, tonumber(ARGV[7])) then
    return {-5, now, 0, 0}
  end
  local says, from, changed = votes(marker[4], ARGV[10], ARGV[11], earliest)
  if says == -6 then
    return {-6, now, 0, 0}
  end
  if not marker[1] or earliest < tonumber(marker[1]) then
    return {-3, now, 0, tonumber(marker[1] or '0')}
  end
  if says == -3 then
    return {-3, now, 0, from}
  end
  -- Those with the set before had voters that aren't asked any more. Their values are no larger than this: nobody got one of more than
  -- an hour ahead, and they were over by then. It goes on with the time, as proposals do, for voters that forget.
  floor = changed > 0 and math.max(changed, earliest) + 3600000000 or 0
end
local owner, record = redis.call('GET', KEYS[1]), read(KEYS[2])
if owns(owner, record, token) then
  -- A retry by the client library. Nobody else raises the register of a lock that's held.
  return {1, now, record.register, 0}
end
if held(owner, record, deadline, earliest) then
  local holder = tonumber(string.sub(owner or record.token, 1, 8), 16) or 0
  return {0, now, redis.call('PTTL', KEYS[1]), record.deadline, holder}
end
if record.token == token and record.back then
  return {-1, now, 0, 0}
end
-- A client's clock may be far ahead; it mustn't carry the registers away for ever.
local value = math.max(record.register + 1, math.min(tonumber(ARGV[3]), now + 3600000000), floor)
if value > 9007199254740991 then
  return redis.error_reply('ERR redlock: fencing register ' .. KEYS[2] .. ' is beyond 2^53-1')
end
if KEYS[3] and tonumber(marker[2] or '0') < ttl then
  redis.call('HSET', KEYS[3], 'longest', ARGV[2])
end
remember(KEYS[3], life, marker[3])
serves(KEYS[3], ARGV[9], ARGV[11], marker[5], now)
write(KEYS[2], {register = value, token = token, deadline = deadline, owner = ARGV[8]}, life, now)
redis.call('SET', KEYS[1], token, 'PX', ttl)
return {1, now, value, 0}
