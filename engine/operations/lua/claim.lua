#!lua
-- claim: the right to post some recipients now, under one token and one job's lease.
-- KEYS 13 channel, 14 windows, 15 portfolio, 16 places, 17 holders, 18 held:<job>, 19 closed:<job>, 20 tok:<token>
-- ARGV 1 now, 2 job, 3 not_after, 4 horizon ms, 5 candidates (u32 each), 6 again (u32 recipient, u16 attempt each)
-- Without allow-oom on purpose: a full server sends nothing more, but may always be told what was sent.
local C = {channel = KEYS[13], held = KEYS[18], closed = KEYS[19], token = KEYS[20]}
local job, not_after, horizon_us = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]) * 1000
local claimed, suppressed, taken = {}, {}, {}
local no_place_until, no_slot_until = 0, 0

local function answer(lost, cause)
  return {whole(now), lost and 1 or 0, op.state or '', cause or op.cause or '', concat(claimed), concat(suppressed),
    concat(taken), whole(no_place_until), whole(no_slot_until)}
end

local function u32(list, r) list[#list + 1] = struct.pack('<I4', r) end

-- A job that was closed, or whose lease ran out, and a call that arrives too late: nothing is theirs.
if not load_operation() then return answer(true, 'missing') end
if call('EXISTS', C.closed) == 1 then return answer(true) end
if not_after > 0 and now > not_after then return answer(true) end
local deadline = tonumber(call('ZSCORE', K.leases, job) or 0)
if deadline > 0 and deadline <= now then return answer(true) end
local final = op.state == 'completed' or op.state == 'cancelled'
if deadline > 0 or not final then call('ZADD', K.leases, whole(now + LEASE_MS), job) end

-- A repeated token: only rows still claimed under it, with the same attempt.
local before = call('GET', C.token)
if before then
  for p = 1, #before, 14 do
    local r, attempt = struct.unpack('<I4I2', before, p)
    if state_of(r) == CLAIMED and attempt_of(r) == attempt then
      claimed[#claimed + 1] = sub(before, p, p + 13)
    end
  end
  return answer(false)
end

if #ARGV[5] == 0 and #ARGV[6] == 0 then return answer(false) end
local store = call('HMGET', K.store, 'epoch', 'suppressions', 'hold')
local channel = call('HMGET', C.channel, 'rate', 'next_us', 'state', 'cause', 'pace', 'pace_ms')
if op.state ~= 'running' then return answer(false) end
if store[1] ~= op.epoch then
  set_operation_state('halted', 'epoch', '')
  return answer(false)
end
if channel[3] == 'halted' then
  set_operation_state('halted', 'channel:' .. (channel[4] or ''), '')
  return answer(false)
end
if not store[2] then return answer(false, 'suppressions_missing') end
if store[3] and store[3] ~= '' then return answer(false, store[3]) end
local rate = tonumber(channel[1] or 0)
if rate <= 0 then return answer(false, 'channel_missing') end

-- What may be claimed at all, with the persons behind it.
local rows, attempts, persons, all = {}, {}, {}, {}
for p = 1, #ARGV[5], 4 do all[#all + 1] = struct.unpack('<I4', ARGV[5], p) end
for p = 1, #ARGV[6], 6 do all[#all + 1] = struct.unpack('<I4', ARGV[6], p) end
load_rows(all)
for p = 1, #ARGV[6], 6 do
  local r, attempt = struct.unpack('<I4I2', ARGV[6], p)
  local mine = state_of(r) == CLAIMED and attempt_of(r) == attempt
  if mine and call('SISMEMBER', C.held, r .. ':' .. attempt) == 1 then
    rows[#rows + 1], attempts[#rows + 1], persons[#rows + 1] = r, attempt, person_of(r)
  else
    u32(taken, r)
  end
end
local seen = {}
for p = 1, #ARGV[5], 4 do
  local r = struct.unpack('<I4', ARGV[5], p)
  local s = state_of(r)
  local is_free = s == PENDING or (s == RETRY and tonumber(call('ZSCORE', K.due, r) or 0) <= now)
  if is_free and not seen[r] and attempt_of(r) < 65535 then
    seen[r] = true
    rows[#rows + 1], persons[#rows + 1] = r, person_of(r)
  elseif not seen[r] then
    u32(taken, r)
  end
end
if #rows == 0 then return answer(false) end

open_places(KEYS[15], KEYS[16], KEYS[17], KEYS[14])
local stopped = call('HMGET', K.suppressed, unpack(persons))
local places, windows, used
if P.limited then
  places = call('ZMSCORE', P.places, unpack(persons))
  windows = call('HMGET', P.windows, unpack(persons))
  used = call('ZCOUNT', P.places, '(' .. whole(now), '+inf')
end

-- The bucket: one slot a message at 0.975 of the pace; the pace climbs back to the rate after a slow-down.
local pace = rate
if channel[5] then
  pace = min(rate, tonumber(channel[5]) + 0.05 * rate * max(0, now - tonumber(channel[6])) / 1000)
end
local interval = 1000000 / (0.975 * pace)
local next_us = tonumber(channel[2] or 0)
-- Further ahead than any slot we give: the server's clock stepped back. Wait out what may still be under way.
if next_us > now_us + max(horizon_us, 1000000) + interval + 1000000 then next_us = now_us + 1000000 end

-- Erased people stand in `who` by a pseudonym (contacts/person.py): whatever opened such a row again, it isn't sent.
local function is_suppressed(mark, person)
  if sub(person, 1, 4) == '\255\255\255\255' then return true end
  local scope = mark and sub(mark, 1, 1)
  return scope == 'a' or (scope == 'm' and op.category == 'MARKETING')
end

local placed, held, due_gone, now_s = {}, {}, {}, floor(now / 1000)
-- True when the person may be messaged as far as the messaging limit goes; takes the place.
local function take_place(i, r, attempt)
  if not P.limited or tonumber(windows[i] or 0) >= now + 120000 then return true end
  local has_one = tonumber(places[i] or 0) > now or placed[persons[i]]
  if not has_one and used >= P.limit then return false end
  if not has_one then
    used = used + 1
    holders_of(persons[i], '') -- whoever has no place has no holder that counts
  end
  placed[persons[i]] = true
  hold_place(r, attempt)
  return true
end

for i, r in ipairs(rows) do
  local attempt, state = attempts[i], state_of(r)
  if is_suppressed(stopped[i], persons[i]) then
    if attempt then
      drop_place(r, attempt)
      call('SREM', C.held, r .. ':' .. attempt)
    end
    if state == RETRY then due_gone[#due_gone + 1] = r end
    call('ZREM', K.unk, r)
    set_state(r, SUPPRESSED)
    emit(pack_row(r, attempt_of(r), SUPPRESSED, 0, 0, now_s))
    u32(suppressed, r)
  else
    local slot = max(next_us, now_us)
    if slot - now_us > horizon_us then
      no_slot_until = math.ceil((slot - horizon_us) / 1000)
      break
    end
    local number = attempt or attempt_of(r) + 1
    if attempt or take_place(i, r, number) then
      if not attempt then
        if state == RETRY then due_gone[#due_gone + 1] = r end
        set_state(r, CLAIMED)
        set_attempt(r, number)
        emit(pack_row(r, number, CLAIMED, 0, 0, now_s))
        held[#held + 1] = r .. ':' .. number
      end
      next_us = slot + interval
      claimed[#claimed + 1] = struct.pack('<I4I2d', r, number, slot / 1000)
    elseif no_place_until == 0 then
      local first = call('ZRANGEBYSCORE', P.places, '(' .. whole(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
      no_place_until = first[2] and tonumber(first[2]) or now + DAY_MS
    end
  end
end

write_rows()
write_places()
many('ZREM', K.due, due_gone)
many('SADD', C.held, held)
if #claimed > 0 then
  call('SET', C.token, concat(claimed), 'PX', 120000)
  call('HSET', C.channel, 'next_us', whole(next_us))
end
if event_count > 0 then xadd_rows('claim', concat(event_rows)) end
if #suppressed > 0 then settle_operation() end
-- People whose place ran out are forgotten, some at each call.
if P.limited then
  local expired = call('ZRANGEBYSCORE', P.places, '-inf', whole(now), 'LIMIT', 0, 200)
  many('HDEL', P.holders, expired)
  many('ZREM', P.places, expired)
end
return answer(false)
