-- Places in the messaging limit. A person holds one place until the latest expiry of their holders; a holder is
-- (operation, recipient, attempt) and follows that attempt's fate, whatever the recipient's byte says.
-- Packed: tag of the operation (8 bytes), recipient (4), attempt (2), status (1), expiry in ms (8).
local HOLDER_BYTES, ID_BYTES = 23, 14
local UNPOSTED, TAKEN, GIVEN = 0, 1, 2 -- claimed or unknown; accepted; delivered
local CLAIM_SLACK_MS = 900000
local P = {limited = false, tracked = false}
local holders = {}

-- Where the places are, and whether any are counted. A portfolio without a limit takes none.
local function open_places(portfolio, places, holders_key, windows)
  P.places, P.holders, P.windows = places, holders_key, windows
  P.limit = tonumber(call('HGET', portfolio, 'limit') or -1)
  P.limited = P.limit >= 0
  P.tracked = P.limited or call('ZCARD', places) > 0
end

local function holder_id(r, attempt)
  return op.tag .. struct.pack('<I4I2', r, attempt)
end

local function holders_of(person, packed)
  local h = holders[person]
  if not h then
    h = {list = {}, dirty = false}
    packed = packed or call('HGET', P.holders, person) or ''
    for p = 1, #packed, HOLDER_BYTES do
      local status, expiry = struct.unpack('<Bd', packed, p + ID_BYTES)
      h.list[#h.list + 1] = {id = sub(packed, p, p + ID_BYTES - 1), status = status, expiry = expiry}
    end
    holders[person] = h
  end
  return h
end

-- Read the holders of many people at once.
local function load_holders(persons)
  if #persons == 0 then return end
  local packed = call('HMGET', P.holders, unpack(persons))
  for i, person in ipairs(persons) do holders_of(person, packed[i] or '') end
end

local function find_holder(h, id)
  for i, holder in ipairs(h.list) do
    if holder.id == id then return holder, i end
  end
end

local function hold_place(r, attempt)
  local h = holders_of(person_of(r))
  h.list[#h.list + 1] = {id = holder_id(r, attempt), status = UNPOSTED, expiry = now + DAY_MS + CLAIM_SLACK_MS}
  h.dirty = true
end

local function place_accepted(r, attempt)
  local h = holders_of(person_of(r))
  local holder = find_holder(h, holder_id(r, attempt))
  if holder and holder.status == UNPOSTED then
    holder.status, holder.expiry, h.dirty = TAKEN, now + DAY_MS, true
  end
end

local function place_unknown(r, attempt, gate)
  local h = holders_of(person_of(r))
  local holder = find_holder(h, holder_id(r, attempt))
  if holder and holder.status == UNPOSTED then
    holder.expiry, h.dirty = gate + DAY_MS, true
  end
end

-- A delivery without a holder takes a place anew, even above the limit, unless a service window stood open.
-- is_news: no word of this kind came before; "read" after "delivered" is no second delivery.
local function place_delivered(r, attempt, at_ms, is_news)
  local person = person_of(r)
  local h = holders_of(person)
  local holder = find_holder(h, holder_id(r, attempt))
  local at = at_ms > 0 and min(now, at_ms + 1000) or now
  local expiry = at + DAY_MS
  if holder then
    if holder.status == GIVEN then return end
    if holder.status == TAKEN then expiry = max(expiry, holder.expiry) end
    holder.status, holder.expiry, h.dirty = GIVEN, expiry, true
  elseif P.limited and is_news and expiry > now then
    local window = tonumber(call('HGET', P.windows, person) or 0)
    if window > at then return end
    h.list[#h.list + 1] = {id = holder_id(r, attempt), status = GIVEN, expiry = expiry}
    h.dirty = true
  end
end

-- Failure, give-back and cancel drop their own holder alone, and never a delivered one.
local function drop_place(r, attempt)
  local h = holders_of(person_of(r))
  local holder, i = find_holder(h, holder_id(r, attempt))
  if holder and holder.status ~= GIVEN then
    table.remove(h.list, i)
    h.dirty = true
  end
end

local function write_places()
  local set, scores, gone = {}, {}, {}
  for person, h in pairs(holders) do
    if h.dirty then
      local parts, latest = {}, 0
      for _, holder in ipairs(h.list) do
        if holder.expiry > now then
          parts[#parts + 1] = holder.id .. struct.pack('<Bd', holder.status, holder.expiry)
          latest = max(latest, holder.expiry)
        end
      end
      if #parts == 0 then
        gone[#gone + 1] = person
      else
        set[#set + 1], set[#set + 2] = person, concat(parts)
        scores[#scores + 1], scores[#scores + 2] = whole(latest), person
      end
    end
  end
  many('HDEL', P.holders, gone)
  many('ZREM', P.places, gone)
  many('HSET', P.holders, set)
  many('ZADD', P.places, scores)
end
