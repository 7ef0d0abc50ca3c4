-- What a word means beyond its row: the error budget, template errors in a row, the channel's pace, suppressions,
-- halts. `halt_cause` is what the transition halts the operation for at its end, if rows are still open.
local COHORT, BUDGET, TEMPLATE_ERRORS = 200, 0.3, 3
local TEMPLATE_ERROR, SLOW_DOWN, SUPPRESS, HALT_OPERATION, HALT_CHANNEL = 1, 2, 3, 4, 5
local halt_cause, channel_key

-- The error budget: the first 200 posted rows; their failures count whenever and however they come.
local cohort
local function load_cohort()
  if cohort then return end
  local f = call('HMGET', K.op, 'cohort', 'cohort_failed')
  cohort = {place = {}, rows = {}, bad = {}, failed = tonumber(f[2] or 0)}
  for p = 1, #(f[1] or ''), 5 do
    local r, bad = struct.unpack('<I4B', f[1], p)
    cohort.rows[#cohort.rows + 1], cohort.bad[#cohort.bad + 1] = r, bad
    cohort.place[r] = #cohort.rows
  end
end

local cohort_is_full
local function count_posted(r, target)
  if cohort_is_full == nil then cohort_is_full = tonumber(call('HGET', K.op, 'cohort_n') or 0) >= COHORT end
  if cohort_is_full and target ~= FAILED then return end
  load_cohort()
  if #cohort.rows < COHORT and not cohort.place[r] then
    cohort.rows[#cohort.rows + 1], cohort.bad[#cohort.bad + 1], cohort.dirty = r, 0, true
    cohort.place[r] = #cohort.rows
  end
  local at = cohort.place[r]
  if target == FAILED and at and cohort.bad[at] == 0 then
    cohort.bad[at], cohort.failed, cohort.dirty = 1, cohort.failed + 1, true
    if cohort.failed > BUDGET * COHORT then halt_cause = halt_cause or 'error_budget' end
  end
end

local function write_cohort()
  if not (cohort and cohort.dirty) then return end
  local parts = {}
  for i, r in ipairs(cohort.rows) do parts[i] = struct.pack('<I4B', r, cohort.bad[i]) end
  call('HSET', K.op, 'cohort', concat(parts), 'cohort_n', #parts, 'cohort_failed', cohort.failed)
end

-- Template errors in a row, counted apart for answers and for webhooks (their successes come interleaved).
local template_count
local template_field
local function count_template(source, is_error, is_success, code)
  template_field = source == 'webhook' and 't_webhook' or 't'
  if not (is_error or is_success) then return end
  template_count = template_count or tonumber(call('HGET', K.op, template_field) or 0)
  if is_error then
    template_count = template_count + 1
    if template_count >= TEMPLATE_ERRORS then halt_cause = halt_cause or 'template:' .. code end
  else
    template_count = 0
  end
end

-- 130429: halve the channel's pace, once a second at most; claim lets it climb back.
local function slow_down()
  local f = call('HMGET', channel_key, 'rate', 'pace', 'pace_ms', 'halved_ms')
  local rate = tonumber(f[1] or 0)
  if rate <= 0 then return end
  local pace = rate
  if f[2] then pace = min(rate, tonumber(f[2]) + 0.05 * rate * max(0, now - tonumber(f[3])) / 1000) end
  local halved_ms = tonumber(f[4] or 0)
  if math.abs(now - halved_ms) >= 1000 then
    pace, halved_ms = min(rate, max(1, pace / 2)), now
  end
  call('HSET', channel_key, 'pace', pace, 'pace_ms', whole(now), 'halved_ms', whole(halved_ms))
end

local function act(action, r, code)
  if action == SLOW_DOWN then
    slow_down()
  elseif action == SUPPRESS then
    add_suppression(person_of(r), 'm:provider_131050', op.channel, '')
  elseif action == HALT_OPERATION then
    halt_cause = halt_cause or 'operation:' .. code
  elseif action == HALT_CHANNEL then
    call('HSET', channel_key, 'state', 'halted', 'cause', code)
    halt_cause = halt_cause or 'channel:' .. code
  end
end

local function write_consequences()
  write_cohort()
  if template_count then call('HSET', K.op, template_field, template_count) end
end
