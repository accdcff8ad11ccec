-- KEYS: an account's window, with those of its keys
-- ARGV: wanted, limit, the key's limit and name, then the asker's minute and what it saw used
local time = redis.call('TIME')
local minute = math.floor(time[1] / 60)
local kept = redis.call('HMGET', KEYS[1], 'minute', 'used', 'key:' .. ARGV[4])
local last = tonumber(kept[1])
local used, used_by_key = 0, 0
if last == minute or last == minute + 1 then -- a clock may be set back by less than a minute
  minute, used, used_by_key = last, tonumber(kept[2]), tonumber(kept[3] or 0)
end
if tonumber(ARGV[5]) == minute then
  used, used_by_key = math.max(used, ARGV[6]), math.max(used_by_key, ARGV[7])
end
local after, after_by_key = used + ARGV[1], used_by_key + ARGV[1]
if after > used and after <= tonumber(ARGV[2]) and after_by_key <= tonumber(ARGV[3]) then
  if last ~= minute then redis.call('DEL', KEYS[1]) end
  redis.call('HSET', KEYS[1], 'minute', minute, 'used', after, 'key:' .. ARGV[4], after_by_key)
  if last ~= minute then redis.call('EXPIRE', KEYS[1], 120) end
end
return {tonumber(time[1]), tonumber(time[2]), used, used_by_key}
