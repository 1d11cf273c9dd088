-- Carries out the same for several locks, one after the other, and returns what's said of each: `size` numbers. An error at one of
-- several locks doesn't keep the others from theirs: it's the status -9. Alone it's the script's own error, which says what's wrong.
local function each(count, one, size)
  local answers = {}
  for i = 1, count do
    local fine, status, a, b, c, d = true
    if count == 1 then
      status, a, b, c, d = one(i)
    else
      fine, status, a, b, c, d = pcall(one, i)
    end
    if not fine then
      status, a, b, c, d = -9, 0, 0, 0, 0
    end
    local n = size * (i - 1)
    answers[n + 1], answers[n + 2] = status, a
    if size > 2 then
      answers[n + 3], answers[n + 4], answers[n + 5] = b, c, d
    end
  end
  return answers
end

