-- The transition of machine.py inside the server, on the server's clock. KEYS[1]: the limit's state (codec.State).
-- ARGV[1]: MessagePack of {shape, operations}. Answers MessagePack of codec.Reply. Vectors count from 1 here.
local shape, ops = unpack(cmsgpack.unpack(ARGV[1]))
local configured, burst_s, is_strict, is_aimd = shape[1], shape[2], shape[3], shape[4]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local stored = redis.call('GET', KEYS[1])
local last, hold, learned, stairs, window, raised_at, halved_at
if stored then
  last, hold, learned, stairs, window, raised_at, halved_at = unpack(cmsgpack.unpack(stored))
else
  last, hold, learned, stairs, window, raised_at, halved_at = 0, 0, {0, 0, 0}, {{}, {}, {}}, {}, 0, 0
end

local WINDOW_S, SLOT_S, ROUNDING = 60, 0.25, 1e-6             -- strict.py
local MAX_STAIRS, SLOTS_PER_BURST = 128, 8                    -- bucket.py
local RAISE_S, LONGEST_STEP_S, HALVE_EVERY_S, RANGE = 60, 1, 10, 100  -- aimd.py
local LEARNED_TTL_S, IDLE_TTL_S, LONGEST_TTL_S = 86400, 60, 30 * 86400
local NOTHING = {0, 0, 0}
local max, min, floor = math.max, math.min, math.floor

local function rates()
  local r = {}
  for d = 1, 3 do
    if learned[d] <= 0 then r[d] = configured[d]
    elseif is_aimd and d == 1 then r[d] = learned[d]
    else r[d] = min(learned[d], configured[d]) end
  end
  return r
end

local function capacities(r)
  local span = is_strict and WINDOW_S or burst_s
  return {r[1] > 0 and max(1, r[1] * span) or 0, r[2] * span, r[3] * span}
end

local function same_slot(a, b, slot) return floor(a / slot) == floor(b / slot) end

-- bucket.py
local function horizon(s) return s[1] and s[1][2] or 0 end

local function prune(s)
  local highest, kept = -math.huge, {}
  for i = #s, 1, -1 do
    if s[i][2] > highest then highest = s[i][2]; table.insert(kept, 1, s[i]) end
  end
  return kept
end

local function climb(s, at, seconds)
  for i = 1, #s do s[i][2] = s[i][2] + seconds end
  local top = at + seconds
  while #s > 0 and s[#s][2] <= top do s[#s] = nil end
  if #s > 0 and same_slot(s[#s][1], at, burst_s / SLOTS_PER_BURST) then s[#s][1] = at
  else s[#s + 1] = {at, top} end
  if #s > MAX_STAIRS then s[2][2] = s[1][2]; table.remove(s, 1) end
end

local function bucket_settle(change, at)
  local r = rates()
  for d = 1, 3 do
    local s = stairs[d]
    if r[d] > 0 and change[d] < 0 then
      local seconds = -change[d] / r[d]
      for i = 1, #s do
        if s[i][1] > at then break end
        s[i][2] = s[i][2] - seconds
      end
      stairs[d] = prune(s)
    elseif r[d] > 0 and change[d] > 0 then
      for i = 1, #s do s[i][2] = s[i][2] + change[d] / r[d] end
    end
  end
end

local function bucket_drain(d, remaining, rate, capacity)
  if remaining >= capacity then return end
  local s, ahead = stairs[d], 0
  for i = 1, #s do
    if s[i][1] > now then ahead = s[i][2] - s[i][1]; break end
  end
  local needed = now + (capacity - remaining) / rate + ahead
  if not s[1] then s[1] = {now, needed} elseif s[1][2] < needed then s[1][2] = needed end
end

-- strict.py
local function fits(used, cost, quotas)
  for d = 1, 3 do
    if quotas[d] > 0 and cost[d] > 0 and used[d] + cost[d] > quotas[d] + ROUNDING then return false end
  end
  return true
end

local function strict_earliest(cost, quotas, start)
  local used, at, gone = {0, 0, 0}, start, 0
  for i = 1, #window do
    for d = 1, 3 do used[d] = used[d] + window[i][1 + d] end
  end
  for i = 1, #window do
    local leaves_at = window[i][1] + WINDOW_S
    if leaves_at > at then
      if fits(used, cost, quotas) then break end
      at = leaves_at
    end
    for d = 1, 3 do used[d] = used[d] - window[i][1 + d] end
    gone = gone + 1
  end
  if gone > 0 then
    local kept = {}
    for i = gone + 1, #window do kept[#kept + 1] = window[i] end
    window = kept
  end
  return at
end

local function strict_charge(cost, at)
  local entry = window[#window]
  if entry and same_slot(entry[1], at, SLOT_S) then
    entry[1] = at
    for d = 1, 3 do entry[1 + d] = entry[1 + d] + cost[d] end
  else
    window[#window + 1] = {at, cost[1], cost[2], cost[3]}
  end
end

local function strict_settle(change, at)
  for i = #window, 1, -1 do
    local entry = window[i]
    if same_slot(entry[1], at, SLOT_S) then
      for d = 1, 3 do entry[1 + d] = max(0, entry[1 + d] + change[d]) end
      return
    end
    if entry[1] < at then return end
  end
end

local function strict_drain(d, remaining, quota)
  local past, used = 0, 0
  for i = 1, #window do
    if window[i][1] <= now then
      past = past + 1
      if window[i][1] + WINDOW_S > now then used = used + window[i][1 + d] end
    end
  end
  local missing = quota - remaining - used
  if missing <= 0 then return end
  local entry = window[past]
  if not (entry and same_slot(entry[1], now, SLOT_S)) then
    entry = {now, 0, 0, 0}
    table.insert(window, past + 1, entry)
  end
  entry[1 + d] = entry[1 + d] + missing
end

-- machine.py
local function set_rate(d, rate)
  local old = rates()[d]
  if rate == old then return end
  learned[d] = rate
  if is_strict then return end
  local s, ratio = stairs[d], old / rate
  for i = 1, #s do
    local origin = max(now, s[i][1])
    if s[i][2] > origin then s[i][2] = origin + (s[i][2] - origin) * ratio end
  end
  stairs[d] = prune(s)
end

local function change_to(reserved, actual, at)
  local change = {actual[1] - reserved[1], actual[2] - reserved[2], actual[3] - reserved[3]}
  if is_strict then strict_settle(change, at) else bucket_settle(change, at) end
end

local function reserve(cost)
  local r = rates()
  local holds = capacities(r)
  for d = 1, 3 do
    if r[d] > 0 and cost[d] > holds[d] then return -d end
  end
  local at = max(now, last, hold)
  if is_strict then
    at = strict_earliest(cost, holds, at)
    strict_charge(cost, at)
  else
    for d = 1, 3 do
      if r[d] > 0 and cost[d] > 0 then at = max(at, horizon(stairs[d]) + (cost[d] - holds[d]) / r[d]) end
    end
    for d = 1, 3 do
      if r[d] > 0 and cost[d] > 0 then climb(stairs[d], at, cost[d] / r[d]) end
    end
  end
  last = at
  return at
end

local apply = {
  function(op) return reserve(op[2]) end,
  function(op)
    local cost, grant_at, valid_until = op[2], op[3], op[4]
    local too_late, held_back = now > valid_until, grant_at < hold and now < hold
    if not (too_late or held_back) then return grant_at end
    change_to(cost, NOTHING, grant_at)
    return reserve(cost)
  end,
  function(op)
    local reserved, actual, grant_at = op[2], op[3], op[4]
    change_to(reserved, actual, grant_at)
    if is_aimd and actual[1] > 0 and last > now then
      local step = configured[1] / RAISE_S * min(LONGEST_STEP_S, max(0, now - raised_at))
      set_rate(1, min(configured[1] * RANGE, rates()[1] + step))
      raised_at = now
    end
    return 0
  end,
  function(op)
    if op[2] > 0 then hold = max(hold, now + op[2]) end
    if is_aimd and now - halved_at >= HALVE_EVERY_S then
      set_rate(1, max(configured[1] / RANGE, rates()[1] / 2))
      halved_at = now
    end
    return 0
  end,
  function(op)
    for d = 1, 3 do
      if configured[d] > 0 then
        if op[2][d] > 0 then
          local ceiling = (is_aimd and d == 1) and rates()[d] or configured[d]
          set_rate(d, min(op[2][d], ceiling))
        end
        if op[3][d] >= 0 then
          local r = rates()
          local capacity = capacities(r)[d]
          if is_strict then strict_drain(d, op[3][d], capacity)
          else bucket_drain(d, op[3][d], r[d], capacity) end
        end
      end
    end
    return 0
  end,
}

local answers = {}
for i = 1, #ops do answers[i] = apply[ops[i][1]](ops[i]) end

local idle_at = max(last, hold, horizon(stairs[1]), horizon(stairs[2]), horizon(stairs[3]))
if #window > 0 then idle_at = max(idle_at, window[#window][1] + WINDOW_S) end
local has_learned = learned[1] > 0 or learned[2] > 0 or learned[3] > 0
local ttl_s = max(0, idle_at - now) + (has_learned and LEARNED_TTL_S or IDLE_TTL_S)
local state = cmsgpack.pack({last, hold, learned, stairs, window, raised_at, halved_at})
redis.call('SET', KEYS[1], state, 'PX', string.format('%.0f', min(ttl_s, LONGEST_TTL_S) * 1000))
local in_force = rates()
return cmsgpack.pack({now, hold, answers, in_force, capacities(in_force)})
