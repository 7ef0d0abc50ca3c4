#!lua flags=allow-oom
-- transition: the one table by which a delivery changes, for worker, receiver and dispatcher alike.
-- KEYS 13 held:<job>, 14 closed:<job> (when a job speaks). Modes: rows, close (a job ends), expire (leases ran out).
-- ARGV 1 now, 2 mode, 3 source, 4 job, 5 rows, 6 due times (double each, or ''), 7 actions (2 bytes each, or ''),
-- 8 message ids (one a line, or ''), 9 ms after which "send again" opens. close: 5 = posted (u32, u16 each).
-- Channel, portfolio, and in expire the jobs, are known only here, so their keys are built here (one primary).
local mode, source, job, input = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local gate = now + tonumber(ARGV[9])
local WEBHOOK_RETRY_MS = 600000
local due_score, unk_score = {}, {} -- what becomes of a row's retry time and gate: a score, or false: gone

if not load_operation() then
  if mode == 'rows' and source == 'webhook' then xadd_rows(source, input, ARGV[8], true) end
  if mode == 'expire' then call('SREM', K.operations, operation_id) end
  return {0, 0, 0, '', 0, 0, {}}
end
channel_key = 'ulak:channel:' .. op.channel
local portfolio_key = 'ulak:portfolio:' .. op.portfolio
open_places(portfolio_key, portfolio_key .. ':places', portfolio_key .. ':holders', 'ulak:windows:' .. op.channel)

-- From which states a word of the current attempt takes effect. delivered and read: of any attempt, upwards.
local POSTED = {[CLAIMED] = true, [UNKNOWN] = true, [PENDING] = true}
local UNDONE = {[CLAIMED] = true, [UNKNOWN] = true, [PENDING] = true, [ACCEPTED] = true, [HELD] = true, [SENT] = true}
local FROM = {
  [ACCEPTED] = POSTED,
  [HELD] = {[CLAIMED] = true, [UNKNOWN] = true, [PENDING] = true, [ACCEPTED] = true},
  [SENT] = {[CLAIMED] = true, [UNKNOWN] = true, [PENDING] = true, [ACCEPTED] = true, [HELD] = true},
  [FAILED] = UNDONE, [RETRY] = UNDONE, [SUPPRESSED] = UNDONE,
  [UNKNOWN] = {[CLAIMED] = true},
  [PENDING] = {[CLAIMED] = true, [UNKNOWN] = true},
}

-- Tries are counted here alone: when a row goes to retry. An answer that halts gives its row back and burns none.
local function retry_target(r, action, max_tries)
  if op.state == 'cancelled' then return FAILED end
  if action == HALT_OPERATION or action == HALT_CHANNEL then return RETRY end
  local tries = (byte(call('GETRANGE', K.tries, r, r)) or 0) + 1
  if tries >= max_tries then return FAILED end
  call('SETRANGE', K.tries, r, char(tries))
  return RETRY
end

-- Sent again by a person, and no outcome since: the attempt before may have arrived, so such a row is never
-- simply cancelled. The mark is a negative gate, or while the row is unknown once more a gate with a half.
local has_gates = call('EXISTS', K.unk) == 1
local function is_sent_again(r)
  local gate_of_row = unk_score[r]
  if gate_of_row == nil then gate_of_row = has_gates and tonumber(call('ZSCORE', K.unk, r) or 0) end
  return gate_of_row and (gate_of_row < 0 or gate_of_row % 1 > 0)
end

local function give_back_target(r)
  if op.state ~= 'cancelled' then return PENDING end
  return is_sent_again(r) and UNKNOWN or CANCELLED
end

-- Move a row to its new state, with all that hangs on it: retry time, gate of "send again".
local function move(r, target, due)
  local old = state_of(r)
  if old == RETRY then due_score[r] = false end
  if target == RETRY then due_score[r] = due end
  if target == UNKNOWN then
    unk_score[r] = is_sent_again(r) and gate + 0.5 or gate
  elseif target == PENDING then
    if old == UNKNOWN then unk_score[r] = is_sent_again(r) and -gate end
  elseif has_gates or unk_score[r] then
    unk_score[r] = false
  end
  set_state(r, target)
end

local function write_scores(key, score)
  local set, gone = {}, {}
  for r, at in pairs(score) do
    if at then
      set[#set + 1], set[#set + 2] = string.format('%.1f', at), r
    else
      gone[#gone + 1] = r
    end
  end
  many('ZREM', key, gone)
  many('ZADD', key, set)
  if #set > 0 and op.state == 'cancelled' then call('EXPIRE', key, LEDGER_SECONDS) end
end

local function move_place(r, attempt, what, at_s, is_news)
  if not P.tracked then return end
  if what == DELIVERED or what == READ then
    place_delivered(r, attempt, at_s * 1000, is_news)
  elseif what == ACCEPTED or what == HELD or what == SENT then
    place_accepted(r, attempt)
  elseif what ~= UNKNOWN then
    drop_place(r, attempt)
  end
end

local changed, kept_all = 0, true
local function skip() kept_all = false end

-- One word about one attempt. Returns the state it is recorded as, or nil when it says nothing new.
local function hear(r, attempt, what, code, due, action, max_tries, at_s)
  local s = state_of(r)
  if not s or attempt == 0 then return nil end
  local from = s
  if attempt > attempt_of(r) then -- an older copy was restored: the word is right, the ledger is behind
    set_attempt(r, attempt)
    if s ~= DELIVERED and s ~= READ then from = CLAIMED end
  end
  local is_current = attempt == attempt_of(r)
  move_place(r, attempt, what, at_s, not (is_current and (s == DELIVERED or s == READ)))
  local takes_effect
  if what == DELIVERED or what == READ then
    takes_effect = s ~= READ and s ~= what
  else
    takes_effect = is_current and FROM[what] and FROM[what][from]
  end
  if not takes_effect then
    if what < ACCEPTED or what > FAILED or (s == what and is_current) then return nil end
    if action == SUPPRESS then act(action, r, code) end
    return what, LATE
  end
  local target = what
  if what == RETRY then target = retry_target(r, action, max_tries) end
  if what == PENDING then target = give_back_target(r) end
  if source == 'webhook' then due = max(due, now + WEBHOOK_RETRY_MS) end
  move(r, target, due)
  if target == UNKNOWN and P.tracked then place_unknown(r, attempt, gate) end
  changed = changed + 1
  if target ~= PENDING and target ~= CANCELLED then count_posted(r, target) end
  count_template(source, action == TEMPLATE_ERROR, what ~= PENDING and what ~= UNKNOWN, code)
  act(action, r, code)
  return target, 0
end

local function hear_rows()
  local rows, count = {}, #input / 16
  for i = 1, count do rows[i] = struct.unpack('<I4', input, 16 * i - 15) end
  load_rows(rows)
  if P.tracked and led_range then
    local persons = {}
    for i, r in ipairs(rows) do
      if state_of(r) then persons[#persons + 1] = person_of(r) end
    end
    load_holders(persons)
  end
  local now_bytes, out, kept = struct.pack('<I4', floor(now / 1000)), {}, {}
  local dues, actions = ARGV[6], ARGV[7]
  for i = 1, count do
    local r, attempt, what, flags, code, at_s = struct.unpack('<I4I2BBI4I4', input, 16 * i - 15)
    local due = dues ~= '' and struct.unpack('<d', dues, 8 * i - 7) or now
    local action, max_tries = 0, 5
    if actions ~= '' then action, max_tries = byte(actions, 2 * i - 1, 2 * i) end
    local target, late = hear(r, attempt, what, code, due, action, max_tries, at_s)
    if target then
      local packed = sub(input, 16 * i - 15, 16 * i)
      if target ~= what or late == LATE then
        packed = sub(packed, 1, 6) .. char(target, flags + (flags % 2 == 0 and late or 0)) .. sub(packed, 9)
      end
      if at_s == 0 then packed = sub(packed, 1, 12) .. now_bytes end
      emit(packed)
      kept[i] = true
    else
      skip()
    end
  end
  local ids = ARGV[8]
  if ids ~= '' and not kept_all then
    local i = 0
    for id in string.gmatch(ids .. '\n', '([^\n]*)\n') do
      i = i + 1
      if kept[i] then out[#out + 1] = id end
    end
    ids = concat(out, '\n')
  end
  if event_count > 0 then xadd_rows(source, concat(event_rows), ids) end
  if job ~= '' then
    local done = {}
    for i = 1, count do
      local r, attempt = struct.unpack('<I4I2', input, 16 * i - 15)
      done[i] = r .. ':' .. attempt
    end
    many('SREM', KEYS[13], done)
  end
end

-- What a job still held: posted (or nobody can say) -> unknown; certainly never posted -> given back.
local given_back, became_unknown = 0, 0
local function release(held_key, posted)
  local rows, list, now_s = {}, call('SMEMBERS', held_key), floor(now / 1000)
  for i, member in ipairs(list) do rows[i] = tonumber(string.match(member, '^%d+')) end
  load_rows(rows)
  for i, member in ipairs(list) do
    local r, attempt = rows[i], tonumber(string.match(member, '%d+$'))
    local what = (posted == nil or posted[member]) and UNKNOWN or PENDING
    if attempt == attempt_of(r) then
      local target = hear(r, attempt, what, 0, 0, 0, 5, 0)
      if target then emit(pack_row(r, attempt, target, 0, 0, now_s)) end
      if target and what == PENDING then given_back = given_back + 1 end
      if target and what == UNKNOWN then became_unknown = became_unknown + 1 end
    elseif what == PENDING then
      move_place(r, attempt, what, 0)
    end
  end
end

local jobs = {}
if mode == 'rows' then
  hear_rows()
elseif mode == 'close' then
  local posted = {}
  for p = 1, #input, 6 do
    local r, attempt = struct.unpack('<I4I2', input, p)
    posted[r .. ':' .. attempt] = true
  end
  release(KEYS[13], posted)
  call('DEL', KEYS[13])
  call('SET', KEYS[14], 1, 'PX', TOMBSTONE_MS)
  call('ZREM', K.leases, job)
elseif mode == 'expire' then
  jobs = call('ZRANGEBYSCORE', K.leases, '-inf', whole(now), 'LIMIT', 0, 20)
  for _, dead in ipairs(jobs) do
    release(K.op .. ':held:' .. dead, nil)
    -- Kept a while: should the worker live after all, it may give back what it never posted.
    call('PEXPIRE', K.op .. ':held:' .. dead, TOMBSTONE_MS)
    call('SET', K.op .. ':closed:' .. dead, 1, 'PX', TOMBSTONE_MS)
    call('ZREM', K.leases, dead)
  end
end
if mode ~= 'rows' and event_count > 0 then xadd_rows(source, concat(event_rows)) end

write_rows()
write_places()
write_consequences()
write_scores(K.due, due_score)
write_scores(K.unk, unk_score)
local open = changed > 0 and settle_operation() or 0
local may_halt = op.state == 'running' or op.state == 'waiting' or op.state == 'paused'
if halt_cause and may_halt and open > 0 then set_operation_state('halted', halt_cause, '') end
return {
  changed, op.state == 'completed' and 1 or 0, op.state == 'halted' and 1 or 0, op.state, given_back, became_unknown, jobs,
}
