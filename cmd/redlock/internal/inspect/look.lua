-- Says what this server knows of a lock. It writes nothing.
--   KEYS[1] lock   KEYS[2] record
-- Returns {time by this server's clock in µs, the lock's token or nil, PTTL of the lock, record or nil}.
-- What isn't a lock may be long, and nobody reads it.
local time, token = redis.call('TIME'), redis.call('GET', KEYS[1])
return {time[1] * 1000000 + time[2], token and string.sub(token, 1, 256), redis.call('PTTL', KEYS[1]), redis.call('GET', KEYS[2])}
