-- Tries, on a key of its own, every command that the lock scripts use.
--   KEYS[1] probe key   ARGV[1] its life, ms
-- Returns {command, error, ...} of those that were refused, and leaves nothing behind.
local key, life = KEYS[1], ARGV[1]
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
try('SET', key, '1', 'NX', 'PX', life)
try('GET', key)
try('PTTL', key)
local expires = try('PEXPIRE', key, life)
-- A hash has no life at first, so it's made only where it can be deleted.
if try('DEL', key) and expires then
  try('HSET', key, 'run', '1')
  try('PEXPIRE', key, life)
  try('HMGET', key, 'run')
  try('DEL', key)
end
try('PUBLISH', key .. ':free', '')
return refused
