-- What admit, settle and usage share: rings, budgets and the end of a hold.
-- SPDX-License-Identifier: Apache-2.0
--
-- A window is kept as a ring of at most 60 sub-buckets, each 1/59 of the window
-- long, with a running sum:
--
--     sum renewed | stamp count | stamp count | ... | stamp count     (packed)
--                   oldest                            newest
--
-- A sub-bucket counts in full until its last moment has left the window; that is
-- why 59 parts make the window and 60 are kept. So the sum is never less than
-- what lies in the true window, and the limit is never passed. Only sub-buckets
-- that hold something are stored, in order, so that each admission drops from
-- the front and adds at the end: the cost does not depend on the window.
--
-- A stamp is the number of the sub-bucket since 1970 in 16 bits: a ring lives at
-- most 122 sub-buckets after its life was renewed, so ages stay far below 2^15.
-- A stamp from the future means that the clock of the store was set back: all
-- that is counted then counts as of now, which is safe and heals in a window.
-- The life is renewed once in a window and not at each write, because SET with
-- PX costs twice a SET with KEEPTTL.
--
-- All numbers are whole and below 2^53, where Lua's doubles are exact.

local REQUESTS, TOKENS, MICROS = 0, 1, 2
local WINDOW, CALENDAR = 1, 2
local ADMITTED, REFUSED, OTHER_MONTH, WAS_CANCELLED = 1, 0, 2, 3
local HELD, EXPIRED, CANCELLED = 1, 2, 3
local SETTLE, RELEASE, CANCEL, EXPIRE = 1, 2, 3, 4

local SLOTS = 60
local LIFE = 122
local STAMPS = 65536
local HEAD = '<I7I2'
local FIRST = 10
local SLOT = '<I2I6'
local SLOT_BYTES = 8
local BUDGET = '<I7I7'
local ASK = '<I1I1I7I7I7I7I7'
local ENTRY = '<I1I1I7I7I7s'
local DAY_MS = 86400000

local call = redis.call
local pack = struct.pack
local unpack_from = struct.unpack
local floor = math.floor
local min = math.min
local max = math.max

local function clock()
    local time = call('TIME')
    return time[1] * 1000000 + time[2]
end

-- Moves a ring on to sub-bucket index: its sum, where the slots that still count
-- begin, the ring, and the stamp of when its life was renewed.
local function turn(ring, index)
    if not ring then
        return 0, FIRST, ''
    end
    local sum, renewed = unpack_from(HEAD, ring)
    local at = FIRST
    while at < #ring do
        local stamp, count = unpack_from(SLOT, ring, at)
        local age = (index - stamp) % STAMPS
        if age < SLOTS then
            break
        end
        if age >= STAMPS / 2 then
            return sum, FIRST, pack(HEAD, sum, renewed) ..
                pack(SLOT, index % STAMPS, sum), renewed
        end
        sum = sum - count
        at = at + SLOT_BYTES
    end
    return sum, at, ring, renewed
end

-- A turned ring with cost more in sub-bucket index.
local function add(ring, at, sum, index, cost, renewed)
    local stamp = index % STAMPS
    local stop = #ring
    local count = cost
    if at < stop then
        local last, had = unpack_from(SLOT, ring, stop - SLOT_BYTES + 1)
        if last == stamp then
            count = had + cost
            stop = stop - SLOT_BYTES
        end
    end
    return pack(HEAD, sum + cost, renewed) .. ring:sub(at, stop) ..
        pack(SLOT, stamp, count)
end

-- How long until need of a turned ring's sum has left; span is the length of a
-- sub-bucket.
local function wait_for(ring, at, need, index, span, now)
    local last = index
    while at < #ring and need > 0 do
        local stamp, count = unpack_from(SLOT, ring, at)
        last = index - (index - stamp) % STAMPS
        need = need - count
        at = at + SLOT_BYTES
    end
    return (last + SLOTS) * span - now
end

-- How long until the newest sub-bucket of a turned ring has left.
local function reset_for(ring, at, index, span, now)
    if at >= #ring then
        return 0
    end
    local stamp = unpack_from(SLOT, ring, #ring - SLOT_BYTES + 1)
    return (index - (index - stamp) % STAMPS + SLOTS) * span - now
end

-- The ring with by more (or less) in the sub-bucket of stamp; nil if that has
-- left meanwhile. Looked for from the newest: most answers take seconds.
local function correct(ring, stamp, by)
    for at = #ring - SLOT_BYTES + 1, FIRST, -SLOT_BYTES do
        local found, count = unpack_from(SLOT, ring, at)
        if found == stamp then
            local sum, renewed = unpack_from(HEAD, ring)
            local after = max(count + by, 0)
            return pack(HEAD, max(sum + after - count, 0), renewed) ..
                ring:sub(FIRST, at - 1) .. pack(SLOT, stamp, after) ..
                ring:sub(at + SLOT_BYTES)
        end
    end
    return nil
end

local function budget_of(value)
    if not value then
        return 0, 0
    end
    return unpack_from(BUDGET, value)
end

-- What is to stand in the books for an entry of a hold that ends.
local function wanted(how, quantity, cost, least, tokens, micros)
    if how == EXPIRE then
        return least
    end
    if quantity == REQUESTS then
        return how == CANCEL and 0 or cost
    end
    if how ~= SETTLE then
        return 0
    end
    return min(cost, quantity == TOKENS and tokens or micros)
end

local function close_budget(key, value, held_less, spent_more)
    local spent, held = budget_of(value)
    local after = pack(BUDGET, max(spent + spent_more, 0),
        max(held - held_less, 0))
    if value then
        call('SET', key, after, 'KEEPTTL')
    else
        call('SET', key, after, 'PX', 70 * DAY_MS)
    end
end

local function close_window(key, value, stamp, by)
    local ring = value and correct(value, stamp, by)
    if ring then
        call('SET', key, ring, 'KEEPTTL')
    end
end

-- Ends a hold. In the books stands the cost of each entry if it was held, the
-- least charge if it expired before.
local function close(record, how, tokens, micros)
    local is_held = record:byte(1) == HELD
    local keys, ends, firsts, seconds = {}, {}, {}, {}
    local count = 0
    local at = 2
    while at <= #record do
        local quantity, kind, cost, least, stamp, key
        quantity, kind, cost, least, stamp, key, at =
            unpack_from(ENTRY, record, at)
        local want = wanted(how, quantity, cost, least, tokens, micros)
        local have = is_held and cost or least
        if kind == CALENDAR then
            count = count + 1
            keys[count], ends[count] = key, close_budget
            firsts[count] = is_held and cost or 0
            seconds[count] = is_held and want or want - least
        elseif want ~= have then
            count = count + 1
            keys[count], ends[count] = key, close_window
            firsts[count], seconds[count] = stamp, want - have
        end
    end
    if count == 0 then
        return
    end
    local values = call('MGET', unpack(keys))
    for i = 1, count do
        ends[i](keys[i], values[i], firsts[i], seconds[i])
    end
end

-- Ends at most 20 holds that nobody settled in time; each is kept for a day, so
-- that a settle which comes late after all can correct the charge.
local function sweep(holds, now)
    local due = call('ZRANGEBYSCORE', holds, '-inf', now, 'LIMIT', 0, 20)
    for i = 1, #due do
        local record = call('GET', due[i])
        if record and record:byte(1) == HELD then
            close(record, EXPIRE, 0, 0)
            call('SET', due[i], string.char(EXPIRED) .. record:sub(2), 'PX',
                DAY_MS)
        end
        call('ZREM', holds, due[i])
    end
end
