-- What the three scripts share: the clock, one operation's bytes, its counters, the event stream.
-- It stands in front of each script when it is loaded. KEYS 1-4 are the store's, 5-12 one operation's:
-- led (1 byte a recipient), att (2), who (8), tries (1), due and unk and leases (sorted sets).
-- unk: recipient -> when "send again" opens; negative: sent again by a person, no outcome yet.
local call, byte, char, sub = redis.call, string.byte, string.char, string.sub
local floor, max, min, concat = math.floor, math.max, math.min, table.concat
local PENDING, RETRY, CLAIMED, ACCEPTED, HELD, SENT, DELIVERED = 0, 1, 2, 3, 4, 5, 6
local READ, FAILED, UNKNOWN, SUPPRESSED, CANCELLED = 7, 8, 9, 10, 11
local LATE, DAY_MS, LEDGER_SECONDS = 1, 86400000, 31 * 86400
local TOMBSTONE_MS, LEASE_MS = 600000, 15000
local K = {
  store = KEYS[1], events = KEYS[2], suppressed = KEYS[3], operations = KEYS[4], op = KEYS[5], led = KEYS[6],
  att = KEYS[7], who = KEYS[8], tries = KEYS[9], due = KEYS[10], leases = KEYS[11], unk = KEYS[12],
}
local operation_id = K.op and sub(K.op, 9) or ''

local now, now_us = tonumber(ARGV[1]), 0
if now > 0 then
  now_us = now * 1000
else
  local t = call('TIME')
  now_us = t[1] * 1000000 + t[2]
  now = floor(now_us / 1000)
end

local function whole(number)
  return string.format('%.0f', number)
end

-- One command over a long list of arguments, cut where Lua's stack would end.
local function many(command, key, list)
  for from = 1, #list, 2000 do
    call(command, key, unpack(list, from, min(from + 1999, #list)))
  end
end

-- The operation's hash, read once. op.state is nil when the ledger is gone.
local op = {}
local function load_operation()
  local f = call('HMGET', K.op, 'state', 'cause', 'no', 'n', 'channel', 'portfolio', 'category', 'epoch', 'tag')
  if not f[1] then return false end
  op = {
    state = f[1], cause = f[2] or '', no = f[3], n = tonumber(f[4]), channel = f[5], portfolio = f[6],
    category = f[7], epoch = f[8], tag = f[9],
  }
  return true
end

-- Bytes: read as one range when the rows are neighbours, else row by row; written as runs.
local base, led_range, att_range, who_range
local led, att, who = {}, {}, {}
local moved_rows, lifted_rows = {}, {}

local function load_rows(rows)
  local lo, hi = rows[1], rows[1]
  for i = 2, #rows do
    lo, hi = min(lo, rows[i]), max(hi, rows[i])
  end
  if lo and hi - lo < 256 + 32 * #rows then
    base = lo
    led_range = call('GETRANGE', K.led, lo, hi)
    att_range = call('GETRANGE', K.att, 2 * lo, 2 * hi + 1)
  end
end

local function state_of(r)
  local s = led[r]
  if s == nil then
    if r >= op.n then return nil end
    if led_range and r >= base and r < base + #led_range then
      s = byte(led_range, r - base + 1)
    else
      s = byte(call('GETRANGE', K.led, r, r))
    end
    led[r] = s
  end
  return s
end

local function attempt_of(r)
  local a = att[r]
  if a == nil then
    local low, high
    if att_range and r >= base and 2 * (r - base) < #att_range then
      low, high = byte(att_range, 2 * (r - base) + 1, 2 * (r - base) + 2)
    else
      low, high = byte(call('GETRANGE', K.att, 2 * r, 2 * r + 1), 1, 2)
    end
    a = low + 256 * high
    att[r] = a
  end
  return a
end

local function person_of(r)
  local p = who[r]
  if p == nil then
    if led_range and not who_range then
      who_range = call('GETRANGE', K.who, 8 * base, 8 * (base + #led_range) - 1)
    end
    if who_range and r >= base and 8 * (r - base) < #who_range then
      p = sub(who_range, 8 * (r - base) + 1, 8 * (r - base) + 8)
    else
      p = call('GETRANGE', K.who, 8 * r, 8 * r + 7)
    end
    who[r] = p
  end
  return p
end

local delta = {}
local function set_state(r, state)
  local old = state_of(r)
  if old ~= state then
    delta[old] = (delta[old] or 0) - 1
    delta[state] = (delta[state] or 0) + 1
    led[r] = state
    moved_rows[#moved_rows + 1] = r
  end
end

local function set_attempt(r, attempt)
  att[r] = attempt
  lifted_rows[#lifted_rows + 1] = r
end

local function encode_state(r) return char(led[r]) end
local function encode_attempt(r) return char(att[r] % 256, floor(att[r] / 256)) end

local function write_runs(key, rows, width, encode)
  table.sort(rows)
  local i, count = 1, #rows
  while i <= count do
    local first, parts = rows[i], {}
    local r = first
    while r do
      parts[#parts + 1] = encode(r)
      repeat i = i + 1 until rows[i] ~= r
      r = rows[i] == r + 1 and r + 1 or nil
    end
    call('SETRANGE', key, width * first, concat(parts))
  end
end

-- Events: rows of 16 bytes in one entry, see operations/states.py.
local event_rows, event_count = {}, 0
local function pack_row(r, attempt, state, flags, code, at_s)
  return struct.pack('<I4I2BBI4I4', r, attempt, state, flags, code, at_s)
end

local function emit(packed)
  event_count = event_count + 1
  event_rows[event_count] = packed
end

local function xadd_rows(source, blob, ids, orphan)
  local entry = {'v', 1, 'k', 'rows', 'op', operation_id, 'no', op.no or '', 'at', whole(now), 'src', source, 'rows', blob}
  if ids and ids ~= '' then
    entry[#entry + 1], entry[#entry + 2] = 'ids', ids
  end
  if orphan then
    entry[#entry + 1], entry[#entry + 2] = 'orphan', 1
  end
  call('XADD', K.events, '*', unpack(entry))
end

local function set_operation_state(state, cause, who_did, until_ms)
  local was_final = op.state == 'completed' or op.state == 'cancelled'
  if state == 'completed' then call('HSET', K.op, 'before', op.state, 'before_cause', op.cause) end
  op.state, op.cause = state, cause
  call('HSET', K.op, 'state', state, 'cause', cause, 'until_ms', whole(until_ms or 0))
  call('XADD', K.events, '*', 'v', 1, 'k', 'state', 'op', operation_id, 'no', op.no, 'at', whole(now),
    'state', state, 'cause', cause, 'who', who_did, 'until_ms', whole(until_ms or 0))
  for part = 5, 12 do
    if state == 'completed' or state == 'cancelled' then
      call('EXPIRE', KEYS[part], LEDGER_SECONDS)
    elseif was_final then
      call('PERSIST', KEYS[part])
    end
  end
end

local function count_open()
  local open = 0
  for _, c in ipairs(call('HMGET', K.op, 'c:0', 'c:1', 'c:2')) do
    open = open + (tonumber(c) or 0)
  end
  return open
end

-- Write bytes, attempts and counters that changed.
local function write_rows()
  write_runs(K.led, moved_rows, 1, encode_state)
  write_runs(K.att, lifted_rows, 2, encode_attempt)
  for state, by in pairs(delta) do
    if by ~= 0 then call('HINCRBY', K.op, 'c:' .. state, by) end
  end
end

-- The call that changes the last open row completes the operation; one that opens a row opens it again.
local function settle_operation()
  if op.state == 'cancelled' then return end
  local open = count_open()
  if open == 0 and op.state ~= 'completed' then
    set_operation_state('completed', '', '')
  elseif open > 0 and op.state == 'completed' then
    -- A person's pause, or our halt, that stood when the last row closed stands again.
    local f = call('HMGET', K.op, 'before', 'before_cause')
    if f[1] == 'paused' or f[1] == 'halted' then
      set_operation_state(f[1], f[2], '')
    else
      set_operation_state('running', 'reopened', '')
    end
  end
  return open
end
