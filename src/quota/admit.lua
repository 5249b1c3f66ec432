-- Admission: has every limit room for this request? All are charged, or none.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the hold, then the counter of each ask, then the index of holds.
-- ARGV: the asks, packed: quantity, kind, amount, cost, least charge, and
--       of a window the length of a sub-bucket, of a month its first moment and
--       the first after it (microseconds); how long the hold stands.
-- Out:  verdict, ask that bound (from 0; -1), microseconds until it would fit,
--       then for each ask what remains, what is held, when it is free again.
--       OTHER_MONTH comes with the store's time: the caller names that month.

local hold = KEYS[1]
local holds = KEYS[#KEYS]
local asks = ARGV[1]
local count = #KEYS - 2
local now = clock()

sweep(holds, now)
local values = call('MGET', unpack(KEYS, 1, count + 1))
local is_again = values[1]
if is_again and is_again:byte(1) == CANCELLED then
    return {WAS_CANCELLED}
end

local out = {ADMITTED, -1, 0}
local rings, entries = {}, {}
local longest = -1
local needs_settling = false

local function bind(i, wait)
    if wait > longest then
        longest = wait
        out[1] = REFUSED
        out[2] = i - 1
        out[3] = wait == math.huge and 0 or wait
    end
end

local function ask_window(i, quantity, amount, cost, least, span)
    local index = floor(now / span)
    local sum, slots = turn(values[i + 1], index)
    local reset = reset_for(slots, index, span, now)
    if cost > amount then
        bind(i, math.huge)
    elseif cost > 0 and sum + cost > amount then
        bind(i, wait_for(slots, sum + cost - amount, index, span, now))
    elseif cost > 0 then
        rings[i] = {add(sum, slots, index, cost), floor(span * 61 / 1000) + 1,
            sum + cost, (index + SLOTS) * span - now}
        entries[#entries + 1] = pack(ENTRY, quantity, WINDOW, cost, least,
            index % STAMPS, KEYS[i + 1])
    end
    out[3 * i + 1] = max(amount - sum, 0)
    out[3 * i + 2] = 0
    out[3 * i + 3] = reset
end

local function ask_month(i, quantity, amount, cost, least, stop)
    local spent, held = 0, 0
    if values[i + 1] then
        spent, held = unpack_from(BUDGET, values[i + 1])
    end
    local used = spent + held
    if cost > amount then
        bind(i, math.huge)
    elseif cost > 0 and used + cost > amount then
        bind(i, stop - now)
    elseif cost > 0 then
        rings[i] = {pack(BUDGET, spent, held + cost),
            floor((stop - now) / 1000) + 40 * DAY_MS, used + cost, stop - now}
        entries[#entries + 1] = pack(ENTRY, quantity, CALENDAR, cost, least, 0,
            KEYS[i + 1])
    end
    out[3 * i + 1] = max(amount - used, 0)
    out[3 * i + 2] = held
    out[3 * i + 3] = used > 0 and stop - now or 0
end

local amounts, costs = {}, {}
local at = 1
for i = 1, count do
    local quantity, kind, amount, cost, least, from, stop
    quantity, kind, amount, cost, least, from, stop, at =
        unpack_from(ASK, asks, at)
    if is_again then
        cost = 0
    end
    amounts[i] = amount
    costs[i] = cost
    needs_settling = needs_settling or (quantity ~= REQUESTS and cost > 0)
    if kind == WINDOW then
        ask_window(i, quantity, amount, cost, least, from)
    elseif now < from or now >= stop then
        return {OTHER_MONTH, now}
    else
        ask_month(i, quantity, amount, cost, least, stop)
    end
end

if out[1] == REFUSED or is_again then
    return out
end

for i = 1, count do
    local ring = rings[i]
    if ring then
        call('SET', KEYS[i + 1], ring[1], 'PX', ring[2])
        out[3 * i + 1] = amounts[i] - ring[3]
        out[3 * i + 2] = out[3 * i + 2] + costs[i]
        out[3 * i + 3] = ring[4]
    end
end

-- A hold that waits for its settle stands until it is settled or swept. Where
-- only requests are counted the record is kept a little, so that the same
-- admission sent twice is counted once.
local record = string.char(HELD) .. table.concat(entries)
if needs_settling then
    call('SET', hold, record)
    call('ZADD', holds, now + tonumber(ARGV[2]), hold)
else
    call('SET', hold, record, 'PX', 10000)
end
return out
