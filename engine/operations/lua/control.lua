#!lua flags=allow-oom
-- control: what a person or the dispatcher decides about an operation as a whole, and suppressions.
-- ARGV 1 now, 2 verb, 3 who, then by verb:
--   create: 4 fields (flat list as JSON), 5 who keys, 6 state   ·   suppress, lift: 4 person, 5 scope, 6 reasons, 7 channel
--   halt, wait: 4 cause, 5 until ms   ·   send_again, retry: 4 rows (u32, u16 each)   ·   cancel: 4 rows a slice
--   erase: 4 rows (u32 each), 5 pseudonym
local verb, who_did = ARGV[2], ARGV[3]

local function create()
  if load_operation() then return {0, op.state} end
  local fields = cjson.decode(ARGV[4])
  call('HSET', K.op, 'state', '', unpack(fields))
  load_operation()
  local empty = op.n == 0
  call('HSET', K.op, 'state', ARGV[6], 'cause', '', 'until_ms', 0, 'created_ms', whole(now), 'c:0', op.n)
  call('DEL', K.led, K.att, K.who, K.tries, K.due, K.leases, K.unk)
  if not empty then
    call('SETRANGE', K.led, op.n - 1, '\0')
    call('SETRANGE', K.att, 2 * op.n - 1, '\0')
    call('SET', K.who, ARGV[5])
  end
  call('SADD', K.operations, operation_id)
  call('XADD', K.events, '*', 'v', 1, 'k', 'created', 'op', operation_id, 'no', op.no, 'at', whole(now), 'n', op.n)
  op.state = ''
  set_operation_state(empty and 'completed' or ARGV[6], '', who_did)
  return {1, op.state}
end

-- Lifts entries of one scope, or of any ('*'); of the reasons given, or of any (none given).
local function lift()
  local person, reasons, kept, lifted = ARGV[4], {}, {}, 0
  for reason in string.gmatch(ARGV[6], '[^;]+') do reasons[reason] = true end
  for _, entry in ipairs(entries_of(person)) do
    local in_scope = ARGV[5] == '*' or ARGV[5] == sub(entry, 1, 1)
    if in_scope and (ARGV[6] == '' or reasons[sub(entry, 3)]) then
      lifted = lifted + 1
      emit_suppression('lift', person, entry, ARGV[7], who_did)
    else
      kept[#kept + 1] = entry
    end
  end
  if lifted > 0 then write_suppression(person, kept) end
  return {lifted}
end

-- Rows that a person sent again and nobody claimed since: unknown they were, unknown they are.
local function return_sent_again(lo, hi)
  local now_s = floor(now / 1000)
  local marked = call('ZRANGEBYSCORE', K.unk, '-inf', '(0', 'WITHSCORES')
  for i = 1, #marked, 2 do
    local r = tonumber(marked[i])
    if r >= lo and r < hi and state_of(r) == PENDING then
      set_state(r, UNKNOWN)
      call('ZADD', K.unk, -tonumber(marked[i + 1]), r)
      emit(pack_row(r, attempt_of(r), UNKNOWN, 0, 0, now_s))
    end
  end
  write_rows()
  if event_count > 0 then xadd_rows('person', concat(event_rows)) end
end

-- Cancel one slice; its rows are one event. Claimed rows stay: their job gives them back, as cancelled.
local function sweep(slice)
  local lo = tonumber(call('HGET', K.op, 'sweep') or op.n)
  if lo >= op.n then return true end
  local hi = min(lo + slice, op.n)
  return_sent_again(lo, hi)
  local swept, pending, retries = call('GETRANGE', K.led, lo, hi - 1), 0, 0
  swept, pending = string.gsub(swept, '%z', char(CANCELLED))
  swept, retries = string.gsub(swept, char(RETRY), char(CANCELLED))
  if pending + retries > 0 then
    call('SETRANGE', K.led, lo, swept)
    call('HINCRBY', K.op, 'c:0', -pending)
    call('HINCRBY', K.op, 'c:1', -retries)
    call('HINCRBY', K.op, 'c:11', pending + retries)
    call('XADD', K.events, '*', 'v', 1, 'k', 'control', 'op', operation_id, 'no', op.no, 'at', whole(now),
      'verb', 'cancel', 'who', who_did, 'lo', lo, 'hi', hi, 'from', '0,1', 'to', CANCELLED)
  end
  if hi < op.n then
    call('HSET', K.op, 'sweep', hi)
    return false
  end
  call('HDEL', K.op, 'sweep')
  call('DEL', K.due)
  return true
end

local function cancel()
  if op.state == 'completed' then return 0, 1 end
  if op.state ~= 'cancelled' then
    call('HSET', K.op, 'sweep', 0)
    set_operation_state('cancelled', ARGV[4], who_did)
  end
  return 1, sweep(tonumber(ARGV[5])) and 1 or 0
end

-- A person's decision about single rows, fenced by the attempt they saw.
local function decide_rows(from, decide)
  if op.state == 'cancelled' then return 0 end
  local count, now_s = 0, floor(now / 1000)
  for p = 1, #ARGV[4], 6 do
    local r, attempt = struct.unpack('<I4I2', ARGV[4], p)
    if state_of(r) == from and attempt_of(r) == attempt and decide(r) then
      emit(pack_row(r, attempt, state_of(r), 0, 0, now_s))
      count = count + 1
    end
  end
  write_rows()
  if event_count > 0 then xadd_rows('person', concat(event_rows)) end
  if count > 0 then settle_operation() end
  return count
end

-- Only when whoever held the row can't be posting it any more. The gate stays, negative: sent again.
local function send_again(r)
  local gate = tonumber(call('ZSCORE', K.unk, r) or 0)
  if gate > now or gate <= 0 then return false end
  call('ZADD', K.unk, -floor(gate), r)
  set_state(r, PENDING)
  return true
end

-- To retry, not to pending: a late "sent" of the failed attempt would apply to pending, and the row be lost.
local function retry(r)
  call('ZADD', K.due, whole(now), r)
  if byte(call('GETRANGE', K.tries, r, r)) then call('SETRANGE', K.tries, r, '\0') end
  set_state(r, RETRY)
  return true
end

-- Erasure: rows that wait go nowhere, and from here on the rows stand for a pseudonym. A claimed row may be under way;
-- given back, its next claim ends it. The places that the person holds go on under the pseudonym.
local function move_holders(person, pseudonym)
  local places = 'ulak:portfolio:' .. op.portfolio .. ':places'
  local held = call('HGET', 'ulak:portfolio:' .. op.portfolio .. ':holders', person)
  local until_ms = call('ZSCORE', places, person)
  if held then
    local key = 'ulak:portfolio:' .. op.portfolio .. ':holders'
    call('HSET', key, pseudonym, (call('HGET', key, pseudonym) or '') .. held)
    call('HDEL', key, person)
  end
  if until_ms then
    call('ZADD', places, max(tonumber(until_ms), tonumber(call('ZSCORE', places, pseudonym) or 0)), pseudonym)
    call('ZREM', places, person)
  end
end

local function erase()
  local pseudonym, ended, now_s = ARGV[5], 0, floor(now / 1000)
  for p = 1, #ARGV[4], 4 do
    local r = struct.unpack('<I4', ARGV[4], p)
    local s = state_of(r)
    if s then
      if s == PENDING or s == RETRY then
        call('ZREM', K.due, r)
        call('ZREM', K.unk, r)
        set_state(r, SUPPRESSED)
        emit(pack_row(r, attempt_of(r), SUPPRESSED, 0, 0, now_s))
        ended = ended + 1
      end
      local person = person_of(r)
      if person ~= pseudonym then
        move_holders(person, pseudonym)
        call('SETRANGE', K.who, 8 * r, pseudonym)
      end
    end
  end
  write_rows()
  if event_count > 0 then xadd_rows('person', concat(event_rows)) end
  if ended > 0 then settle_operation() end
  return ended
end

-- verb -> from which states, to which state
local MOVES = {
  pause = {from = {running = true, waiting = true}, to = 'paused'},
  resume = {from = {paused = true, halted = true}, to = 'running'},
  halt = {from = {running = true, waiting = true, paused = true}, to = 'halted'},
  wait = {from = {running = true, waiting = true}, to = 'waiting'},
  wake = {from = {waiting = true}, to = 'running'},
}

local function resume_from_halt()
  -- A new cohort: the person has seen the failures and wants to go on. Their word lifts the channel's halt too.
  call('HDEL', K.op, 'cohort', 'cohort_n', 'cohort_failed', 't', 't_webhook')
  if sub(op.cause, 1, 8) == 'channel:' then
    call('HSET', 'ulak:channel:' .. op.channel, 'state', 'ok', 'cause', '')
  end
end

local function change_state(to_make)
  local cause, until_ms = ARGV[4] or '', tonumber(ARGV[5] or 0)
  local stands = tonumber(call('HGET', K.op, 'until_ms') or 0)
  if op.state == to_make.to and (verb ~= 'wait' or (op.cause == cause and stands == until_ms)) then return 1 end
  if not to_make.from[op.state] then return 0 end
  if verb == 'resume' and op.state == 'halted' then resume_from_halt() end
  set_operation_state(to_make.to, cause, who_did, until_ms)
  return 1
end

if verb == 'create' then return create() end
if verb == 'suppress' then return {add_suppression(ARGV[4], ARGV[5] .. ':' .. ARGV[6], ARGV[7], who_did)} end
if verb == 'lift' then return lift() end
if not load_operation() then return {'', 0, 1, 0} end
local applied, done, count = 1, 1, 0
if verb == 'cancel' then
  applied, done = cancel()
elseif verb == 'send_again' then
  count = decide_rows(UNKNOWN, send_again)
elseif verb == 'retry' then
  count = decide_rows(FAILED, retry)
elseif verb == 'erase' then
  count = erase()
else
  applied = change_state(MOVES[verb])
end
return {op.state, applied, done, count}
