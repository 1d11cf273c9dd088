-- Tries, on the keys of a lock that's nobody's, every command that the lock scripts use. They don't use each of
-- them each time, so a right that's missing may show only when a server has restarted.
--   KEYS[1] lock   KEYS[2] record   KEYS[3] marker   ARGV[1] life of what it writes, ms
-- Returns {command, error, ...} of those that were refused, and leaves nothing behind.
local lock, record, marker, life = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local refused = {}
local function try(command, ...)
  local reply = redis.pcall(command, ...)
  local failed = type(reply) == 'table' and reply.err
  if failed then
    table.insert(refused, command)
    table.insert(refused, failed)
  end
  return not failed
end
try('TIME')
try('INFO', 'server')
try('SET', lock, '1', 'NX', 'PX', life)
try('GET', lock)
try('PTTL', lock)
local expires = try('PEXPIRE', lock, life)
-- A hash has no life at first, so it's made only where it can be deleted.
if try('DEL', lock) and expires then
  try('HSET', record, 'run', '1')
  try('PEXPIRE', record, life)
  try('DEL', record)
  -- The line of those who wait.
  try('ZADD', record, 1, 'probe')
  try('PEXPIRE', record, life)
  try('EXISTS', record)
  try('ZRANGE', record, 0, 0)
  try('ZREVRANGE', record, 0, 0)
  try('ZRANK', record, 'probe')
  try('ZREM', record, 'probe')
  try('ZREMRANGEBYSCORE', record, '-inf', '(0')
  try('DEL', record)
end
-- The marker stays as it is.
try('HMGET', marker, 'run')
try('MGET', lock, record)
try('PUBLISH', 'redlock:wake:probe', '')
return refused
