-- Refuses a stale token and raises the register to a good one. The script that writes is
-- appended to this one, and finds KEYS and ARGV as if it ran alone.
-- KEYS[1]: the register with the highest token seen; ARGV[1]: the token of this write.
do
  local register, token = table.remove(KEYS, 1), table.remove(ARGV, 1)
  local seen = redis.call('GET', register) or '0'
  local highest = tonumber(seen)
  -- Digits only: 'nan' is a number to Lua, and larger than none.
  if not seen:match('^%d+$') or #seen > 16 or highest > 9007199254740991 then
    return redis.error_reply('ERR the fence register ' .. register .. ' holds no number from 0 to 2^53-1')
  end
  if highest > tonumber(token) then
    -- As the string it was: Lua would print a number of this size in 14 digits.
    return redis.error_reply('STALETOKEN ' .. seen)
  end
  -- Before the write, which may fail half done: Redis doesn't roll back.
  redis.call('SET', register, token)
end
