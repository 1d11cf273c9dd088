-- What the scripts share that know the line: a sorted set of the processes that wait for a lock at this voter. A member is the
-- end of the channel that its process listens to. Its score is its ticket, which is larger the later it came, and negative
-- once it was called and hasn't come yet. All of this is a hint. No vote depends on it.

-- Calls the first in line that hears it, and no longer waits for those that were called before. PUBLISH says how many
-- hear it, unless the server is one of a cluster (counts is false). Whoever asks by this very request hears it in the reply.
-- Returns the process and its ticket, or nothing.
local function call(line, lock, left, counts, asking)
  redis.call('ZREMRANGEBYSCORE', line, '-inf', '(0')
  while true do
    local first = redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')
    if not first[1] then
      return
    end
    local process, ticket = first[1], string.format('%.0f', tonumber(first[2]))
    -- pcall: a user without the right to publish leaves it to the waiters, who look from time to time.
    local hears = process == asking or redis.pcall('PUBLISH', 'redlock:wake:' .. process, ticket .. ' ' .. left .. ' ' .. lock)
    if hears ~= 0 or not counts then
      redis.call('ZADD', line, '-' .. ticket, process)
      return process, ticket
    end
    redis.call('ZREM', line, process)
  end
end
