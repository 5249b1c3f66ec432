-- What was counted without the store, brought back to it, each report once.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the mark of the report, then the counters.
-- ARGV: the charges, packed: kind, amount, how much more, how much less, and of
--       their windows what admit has of them.
-- Out:  1, or 0 if this report was known already.
--
-- It counts as of now, which is later than it was used: nothing is asked whether
-- there is room. What is less comes off a calendar period alone; a window forgets
-- by itself.

local CHARGE = '<I1I7I7I7I7I7'
local now = clock()
local at = 1

local function charge(kind, key, value, amount, more, less, from, stop)
    if kind == WINDOW and more > 0 then
        local index = floor(now / from)
        local sum, first, ring, _, held = turn(value, index)
        call('SET', key, add(ring, first, sum, index, more, index % STAMPS, held),
            'PX', ring_life(from, held))
    elseif kind == CALENDAR then
        local spent, held = budget_of(value)
        local life = max(floor((stop - now) / 1000), 0) + 40 * DAY_MS
        call('SET', key, pack(BUDGET, max(spent + more - less, 0), held), 'PX',
            life)
    elseif kind == SMOOTH and more > 0 then
        smooth = smooth or smooth_kit()
        local _, unit = smooth.pace(from, amount)
        local level, work = smooth.level_of(value, now)
        local time = smooth.leak_time(more, unit)
        level = max(level, 0) + time
        call('SET', key,
            smooth.paced(level, work + ceil(time), from, amount, now), 'PX',
            smooth.life(level, from))
    elseif kind == EXACT and more > 0 then
        exact = exact or exact_kit()
        local sum, first, log = exact.turn(value, from, now)
        call('SET', key, exact.add(log, first, sum, more, from, now), 'PX',
            floor(from / 1000) + 2)
    end
end

if not call('SET', KEYS[1], '1', 'NX', 'PX', DAY_MS) then
    return 0
end
local values = call('MGET', unpack(KEYS, 2))
for i = 2, #KEYS do
    local kind, amount, more, less, from, stop
    kind, amount, more, less, from, stop, at = unpack_from(CHARGE, ARGV[1], at)
    charge(kind, KEYS[i], values[i - 1], amount, more, less, from, stop)
end
return 1
