-- Suppressed people: person -> strongest scope (a = all, m = marketing), then each entry as ;scope:reason.
-- A plain "a" or "m" is an entry whose reason isn't known here.
local function entries_of(person)
  local value, entries = call('HGET', K.suppressed, person), {}
  if not value then return entries end
  if #value == 1 then return {value .. ':'} end
  for entry in string.gmatch(sub(value, 3), '[^;]+') do entries[#entries + 1] = entry end
  return entries
end

local function write_suppression(person, entries)
  local scope = 'm'
  for _, entry in ipairs(entries) do
    if sub(entry, 1, 1) == 'a' then scope = 'a' end
  end
  if #entries == 0 then
    call('HDEL', K.suppressed, person)
  else
    call('HSET', K.suppressed, person, scope .. ';' .. concat(entries, ';'))
  end
end

local function emit_suppression(kind, person, entry, channel_id, who_did)
  local hex = string.gsub(person, '.', function(c) return string.format('%02x', byte(c)) end)
  call('XADD', K.events, '*', 'v', 1, 'k', kind, 'j', cjson.encode({
    person_key = hex, scope = sub(entry, 1, 1) == 'a' and 'all' or 'marketing', reason = sub(entry, 3),
    channel_id = channel_id, who = who_did, at_ms = now,
  }))
end

-- Adds an entry and says so; 0 when it stands already.
local function add_suppression(person, entry, channel_id, who_did)
  local entries = entries_of(person)
  for _, standing in ipairs(entries) do
    if standing == entry then return 0 end
  end
  entries[#entries + 1] = entry
  write_suppression(person, entries)
  emit_suppression('suppress', person, entry, channel_id, who_did)
  return 1
end
