-- The books: what a counter of any kind stands at, and the end of a hold.
-- SPDX-License-Identifier: Apache-2.0
--
-- A hold is a record: whether it is held or has expired, then an entry for each
-- counter it was charged to: quantity, kind, cost, least charge, the place of
-- the charge in its window (stamp), the counter's key. Those of requests stand
-- last: they change only when an admission is cancelled.

local function budget_of(value)
    if not value then
        return 0, 0
    end
    return unpack_from(BUDGET, value)
end

local function number_of(value)
    return value and unpack_from('<I7', value) or 0
end

local function look_kit()
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

    -- What is used and held, when all is free again, and how long cost would wait.
    local function look(quantity, kind, value, amount, cost, from, stop, now)
        if kind == WINDOW then
            local index = floor(now / from)
            local sum, at, ring, _, held = turn(value, index)
            local over = sum + held + cost - amount
            return sum + held, held, reset_for(ring, at, index, from, now),
                over > 0 and wait_for(ring, at, over, index, from, now) or 0
        elseif kind == CALENDAR then
            local spent, held = budget_of(value)
            local used = spent + held
            return used, held, used > 0 and stop - now or 0,
                used + cost > amount and stop - now or 0
        elseif kind == SMOOTH then
            smooth = smooth or smooth_kit()
            local burst, unit, slack = smooth.pace(from, amount)
            local level = smooth.level_of(value, now)
            local most = quantity == REQUESTS and burst or amount
            local left = min(most, max(floor(burst - level / unit), 0))
            return amount - left, 0, max(ceil(level), 0),
                cost > 0 and smooth.wait(level, cost, burst, unit, slack) or 0
        elseif kind == EXACT then
            exact = exact or exact_kit()
            local sum, at, log = exact.turn(value, from, now)
            return sum, 0, exact.reset(log, at, from, now), sum + cost > amount and
                exact.wait(log, at, sum + cost - amount, from, now) or 0
        end
        local held = number_of(value)
        return held, held, 0, held + cost > amount and 1000000 or 0
    end

    return look
end

local look

-- Ends entries of kinds that are seldom.
local function close_rare_kit()
    local function close_smooth(key, value, stamp, by, now)
        smooth = smooth or smooth_kit()
        if value then
            local after, life = smooth.correct(value, stamp, by, now)
            if after then
                call('SET', key, after, 'PX', life)
            end
        end
    end

    local function close_exact(key, value, stamp, by, now)
        exact = exact or exact_kit()
        local log = value and exact.correct(value, stamp, by, now)
        if log then
            call('SET', key, log, 'KEEPTTL')
        end
    end

    local function close_slot(key, value, less)
        local left = number_of(value) - less
        if left > 0 then
            call('SET', key, pack('<I7', left), 'KEEPTTL')
        elseif value then
            call('DEL', key)
        end
    end

    -- A slice that was taken in advance: what was spent of it counts from now on.
    local function close_lease(key, value, span, slice, spent, now)
        local index = floor(now / span)
        local sum, at, ring, _, held = turn(value, index)
        held = max(held - slice, 0)
        call('SET', key, add(ring, at, sum, index, spent, index % STAMPS, held),
            'PX', ring_life(span, held))
    end

    return function(kind, key, value, is_held, cost, stamp, want, by, now)
        if kind == SMOOTH then
            close_smooth(key, value, stamp, by, now)
        elseif kind == EXACT then
            close_exact(key, value, stamp, by, now)
        elseif is_held and kind == LEASE_WINDOW then
            close_lease(key, value, stamp, cost, want, now)
        elseif is_held then
            close_slot(key, value, cost)
        end
    end
end

local function close_kit()
    local close_rare

    -- The ring with by more (or less) in the sub-bucket of stamp; nil if that has
    -- left meanwhile. Looked for from the newest: most answers take seconds.
    local function correct(ring, stamp, by)
        for at = #ring - SLOT_BYTES + 1, FIRST, -SLOT_BYTES do
            local found, count = unpack_from(SLOT, ring, at)
            if found == stamp then
                local sum, held, renewed = unpack_from(HEAD, ring)
                local after = max(count + by, 0)
                return pack(HEAD, max(sum + after - count, 0), held, renewed) ..
                    ring:sub(FIRST, at - 1) .. pack(SLOT, stamp, after) ..
                    ring:sub(at + SLOT_BYTES)
            end
        end
        return nil
    end

    -- What is to stand in the books for an entry of a hold that ends.
    local function wanted(how, quantity, cost, least, bill)
        if how == EXPIRE then
            return least
        elseif how == REPORT then
            return min(cost, bill[INPUT])
        elseif quantity == REQUESTS then
            return how == CANCEL and 0 or cost
        elseif how ~= SETTLE or quantity == CONCURRENT then
            return 0
        end
        return min(cost, bill[quantity])
    end

    -- Used is either spent alone, or moves from held to spent.
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

    -- Changes one counter. In the books stands the cost of the entry if it was
    -- held, the least charge if it expired before.
    local function close_entry(entry, key, value, is_held)
        local kind, quantity, cost, stamp, want, by = unpack(entry)
        if kind == WINDOW then
            local ring = value and correct(value, stamp, by)
            if ring then
                call('SET', key, ring, 'KEEPTTL')
            end
        elseif kind == LEASE_CALENDAR or
            (kind == CALENDAR and quantity ~= REQUESTS) then
            close_budget(key, value, is_held and cost or 0,
                is_held and want or by)
        elseif kind == CALENDAR then
            close_budget(key, value, 0, by)
        else
            close_rare = close_rare or close_rare_kit()
            close_rare(kind, key, value, is_held, cost, stamp, want, by,
                clock())
        end
    end

    return function(record, how, bill)
        local is_held = record:byte(1) == HELD
        local keys, entries = {}, {}
        local count = 0
        local at = 2
        while at <= #record do
            local quantity, kind, cost, least, stamp, key
            quantity, kind, cost, least, stamp, key, at =
                unpack_from(ENTRY, record, at)
            if quantity == REQUESTS and kind < SLOTS_AT_ONCE and
                how ~= CANCEL then
                break
            end
            local want = wanted(how, quantity, cost, least, bill)
            local by = want - (is_held and cost or least)
            if by ~= 0 or kind >= SLOTS_AT_ONCE or
                (kind == CALENDAR and quantity ~= REQUESTS) then
                count = count + 1
                keys[count] = key
                entries[count] = {kind, quantity, cost, stamp, want, by}
            end
        end
        if count == 0 then
            return
        end
        local values = call('MGET', unpack(keys))
        for i = 1, count do
            close_entry(entries[i], keys[i], values[i], is_held)
        end
    end
end

local close

-- Ends at most 20 holds that nobody settled in time; each is kept for a day, so
-- that a settle which comes late after all can correct the charge. How many.
local function sweep(holds, now)
    local due = call('ZRANGEBYSCORE', holds, '-inf', now, 'LIMIT', 0, 20)
    if #due > 0 then
        close = close or close_kit()
    end
    for i = 1, #due do
        local record = call('GET', due[i])
        if record and record:byte(1) == HELD then
            close(record, EXPIRE, nil)
            call('SET', due[i], string.char(EXPIRED) .. record:sub(2), 'PX',
                DAY_MS)
        end
        call('ZREM', holds, due[i])
    end
    return #due
end
