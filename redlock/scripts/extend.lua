-- Extends a fenced lock that this token still owns; restores one that the voter lost, if asked to.
--   KEYS[1] lock   KEYS[2] record   KEYS[3] marker (guarded only)
--   ARGV[1] token  ARGV[2] ttl, ms  ARGV[3] 1 to restore  ARGV[4] life of the record, ms
--   ARGV[5] deadline, ARGV[6] earliest and ARGV[7] latest that it can be now, as in grant.lua
--   ARGV[8] fencing token  ARGV[9] what the owner calls itself
--   ARGV[10] to ARGV[12] the sets of voters, as in grant.lua
-- Returns {status, time, register, until}: 1 held until the deadline or longer, 0 another holds it,
-- -1 nobody does, -3 it doesn't know for whom it votes, -5 this server's clock is astray, -6 it votes for
-- another set of voters. The register never goes down, and one beyond the
-- fencing token doesn't keep a lock from being restored: most who raise it don't get the lock.
local now = clock()
local token, ttl, life = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local deadline, earliest = tonumber(ARGV[5]), tonumber(ARGV[6])
local owner, record = redis.call('GET', KEYS[1]), read(KEYS[2])
local marker = KEYS[3] and redis.call('HMGET', KEYS[3], 'life', 'longest', ARGV[10] or '', alone(ARGV[10])) or {}
local shortest = marker[1]
if KEYS[3] and astray(now, life, shortest, earliest, tonumber(ARGV[7])) then
  return {-5, now, record.register, 0}
end
local says, from = 1, 0
if KEYS[3] then
  says, from = votes(setOf(marker[3]), ARGV[11], ARGV[12], earliest)
  if says == -6 then
    return {-6, now, record.register, 0}
  end
end
if not owns(owner, record, token) then
  if held(owner, record, deadline, earliest) then
    return {0, now, record.register, record.deadline}
  end
  if ARGV[3] ~= '1' or (record.token == token and record.back) then
    return {-1, now, record.register, 0}
  end
end
-- Restoring promises nothing that isn't promised already, an extension does.
if says ~= 1 and ARGV[3] ~= '1' then
  return {-3, now, record.register, from}
end
record.register = math.max(record.register, tonumber(ARGV[8]))
if record.token ~= token or record.deadline < deadline then
  record.deadline = deadline
end
record.token, record.back, record.owner = token, false, ARGV[9]
-- PEXPIRE first: it's allowed where memory is used up, and so is what the script writes after it.
redis.call('PEXPIRE', KEYS[2], life)
if KEYS[3] and tonumber(marker[2] or '0') < ttl then
  redis.call('HSET', KEYS[3], 'longest', ARGV[2])
end
remember(KEYS[3], life, shortest)
serves(KEYS[3], ARGV[10], ARGV[12], marker[4], now)
write(KEYS[2], record, life, now)
-- Never shorten it: where this clock was set back, the lock's end is far away, and that end is
-- what clients without records go by once it's put right again.
if owner ~= token or redis.call('PTTL', KEYS[1]) < ttl then
  redis.call('SET', KEYS[1], token, 'PX', ttl)
end
return {1, now, record.register, 0}
