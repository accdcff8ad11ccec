-- KEYS: windows of tries
-- ARGV: places to hold (or -1) and tries to count in each, then most and seconds of each window
local kept, found, fits = {}, {}, true
for i, key in ipairs(KEYS) do
  local had = redis.call('HMGET', key, 'tries', 'held')
  kept[i] = {tonumber(had[1] or 0), tonumber(had[2] or 0), redis.call('TTL', key)}
  for _, number in ipairs(kept[i]) do table.insert(found, number) end
  fits = fits and kept[i][1] + kept[i][2] < tonumber(ARGV[2 * i + 1])
end
if ARGV[1] == '1' and not fits or ARGV[1] == '0' then return found end
for i, key in ipairs(KEYS) do
  local tries, held = kept[i][1] + ARGV[2], math.max(0, kept[i][2] + ARGV[1])
  if tries == 0 and held == 0 then
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'tries', tries, 'held', held)
    if kept[i][1] == 0 and tries > 0 then
      redis.call('EXPIRE', key, ARGV[2 * i + 2])
    elseif kept[i][3] < 0 then
      redis.call('EXPIRE', key, 60) -- a process that dies leaves its places
    end
  end
end
return found
