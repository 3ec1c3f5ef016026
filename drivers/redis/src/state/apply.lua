-- Writes items, all or none: first every condition is looked at, then everything is written.
-- ARGV[1] is 'do', or 'check' to stop after the conditions. Then come six values for each key:
--   layout     'hash' or 'json'
--   action     'set' or 'del'
--   condition  '' = none, '-' = nothing may be stored, else the version that must be
--   value      the data of a hash; the whole document of a json
--   mark       '1' = remember that it was written first
--   ttl        seconds, '0' = never expires
-- Answers 0, or the number of the first key whose condition does not hold.
local WIDTH = 6
local alien, version = {}, {}

local function stored(key, layout)
  if version[key] == nil then
    local found
    if layout == 'json' then
      found = redis.pcall('JSON.GET', key, '.version')
    else
      found = redis.pcall('HGET', key, 'version')
    end
    -- A value of another type is no item, and makes way for one.
    if type(found) == 'table' then
      alien[key] = true
      found = false
    end
    version[key] = found
  end
  return version[key]
end

for index, key in ipairs(KEYS) do
  local at = (index - 1) * WIDTH + 1
  local condition = ARGV[at + 3]
  local found = stored(key, ARGV[at + 1])
  if condition == '-' then
    if found then return index end
  elseif condition ~= '' and found ~= condition then
    return index
  end
  -- What later operations of the same key will find.
  if ARGV[at + 2] == 'del' then
    version[key] = false
  else
    version[key] = tostring((tonumber(found or 0) or 0) + 1)
  end
end

if ARGV[1] == 'check' then return 0 end

for index, key in ipairs(KEYS) do
  local at = (index - 1) * WIDTH + 1
  local layout, action, value, mark, ttl = ARGV[at + 1], ARGV[at + 2], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6]
  if action == 'del' then
    redis.call('DEL', key)
  else
    if alien[key] then redis.call('DEL', key) end
    if layout == 'json' then
      local before = redis.call('EXISTS', key) == 1 and redis.call('JSON.GET', key, '.version') or 0
      redis.call('JSON.SET', key, '$', value)
      if mark == '1' then redis.call('JSON.SET', key, '.first-write', 0) end
      redis.call('JSON.SET', key, '.version', tonumber(before) + 1)
    else
      redis.call('HSET', key, 'data', value)
      if mark == '1' then redis.call('HSET', key, 'first-write', 0) end
      redis.call('HINCRBY', key, 'version', 1)
    end
    if ttl == '0' then
      redis.call('PERSIST', key)
    else
      redis.call('EXPIRE', key, ttl)
    end
  end
  alien[key] = nil
end
return 0
