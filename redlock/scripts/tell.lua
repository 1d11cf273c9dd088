-- Tells a server for which set of voters it votes.
--   KEYS[1] marker
--   ARGV[1] the marker's field for the group: voters, or voters:GROUP   ARGV[2] the enrolment's number
--   ARGV[3] "ID GENERATION FROM NAMES": the set's id and, for people, its names; the generation of the decision, or 0 for a claim;
--   from when on lockers that have this set alone are served, agreed time in unix µs; while nobody has said, - and the id of
--   the set that it replaces
-- A claim is taken only where nothing is known. A decision replaces an earlier one, and one that begins with - is replaced by a time. The number
-- is that of the server's enrolment: what was meant for the time before it forgot comes too late.
-- Returns {time by this server's clock in µs, what it knows now, or ''}.
local form = '^(%S+) (%d+) (%S+)'
local number, text = unpack(redis.call('HMGET', KEYS[1], 'number', ARGV[1]))
local id, generation, from = string.match(text or '', form)
local newid, newgeneration, newfrom = string.match(ARGV[3], form)
local known, new = tonumber(generation or '-1'), tonumber(newgeneration)
local function pending(date) return string.sub(date or '', 1, 1) == '-' end
local dated = new == known and newid == id and pending(from) and not pending(newfrom)
if number and tonumber(number) == tonumber(ARGV[2]) and (new > known or dated) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  text = ARGV[3]
end
return {clock(), text or ''}
