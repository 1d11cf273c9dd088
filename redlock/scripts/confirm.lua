-- Raises the register to a fencing token on which a majority is to agree.
--   KEYS[1] lock   KEYS[2] record
--   ARGV[1] token  ARGV[2] fencing token  ARGV[3] life of the record, ms
-- Returns {1, time, register, 0} when the register is at the fencing token, {0, time, register, 0} when
-- refused. Whoever doesn't own the lock here must not touch the register, and it never goes down.
local now = clock()
local record, value = read(KEYS[2]), tonumber(ARGV[2])
if not owns(redis.call('GET', KEYS[1]), record, ARGV[1]) or record.register > value then
  return {0, now, record.register, 0}
end
record.register = value
write(KEYS[2], record, tonumber(ARGV[3]), now)
return {1, now, value, 0}
