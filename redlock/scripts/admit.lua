-- Says from when on a server that was enrolled anew votes.
--   KEYS[1] marker
--   ARGV[1] the enrolment's number   ARGV[2] until, agreed time, unix µs   ARGV[3] longest TTL, ms
--   ARGV[4] 1 to shorten a wait that is longer
-- The client got the number in a reply, so after the server had forgotten, and took the time after
-- that. A message that is late can't shorten the wait of a later enrolment, whose number is another.
-- Returns {time by this server's clock in µs, number, until, longest TTL}.
local marker = redis.call('HMGET', KEYS[1], 'number', 'until', 'longest')
local number, known, longest = tonumber(marker[1] or '0'), tonumber(marker[2] or '0'), tonumber(marker[3] or '0')
if number == tonumber(ARGV[1]) and (known == 0 or (ARGV[4] == '1' and tonumber(ARGV[2]) < known)) then
  known, longest = tonumber(ARGV[2]), math.max(longest, tonumber(ARGV[3]))
  redis.call('HSET', KEYS[1], 'until', ARGV[2], 'longest', string.format('%.0f', longest))
end
return {clock(), number, known, longest}
