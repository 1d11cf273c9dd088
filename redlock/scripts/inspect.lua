-- Says who has a lock, and changes nothing.
--   KEYS[1] lock   KEYS[2] record (fenced only)
-- Returns {time by this server's clock in µs, the key's token or '', its PTTL,
--   register, token, deadline and owner of the record}; the deadline is -1 when given back.
local key, record = redis.call('GET', KEYS[1]), {register = 0, token = '', deadline = 0, owner = ''}
if KEYS[2] then
  record = read(KEYS[2])
end
return {clock(), key or '', redis.call('PTTL', KEYS[1]),
  record.register, record.token, record.back and -1 or record.deadline, record.owner}
