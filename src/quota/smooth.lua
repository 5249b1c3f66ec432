-- Windows that are paced: a bucket that leaks evenly (GCRA).
-- SPDX-License-Identifier: Apache-2.0
--
-- At once a twentieth of the amount passes; the rest leaks out over the window,
-- so that never more than the amount is admitted in any window. (The usual one
-- lets the whole amount burst and leaks it too: 199 of 100.)
--
--     until 256ths work window amount                                   (packed)
--
-- Until is the moment at which the bucket is empty. Where it lies in the past,
-- its age is credit, but only for a single request that is larger than the
-- burst: that passes when the bucket has been empty long enough to have leaked
-- the rest of it. Work is all that was ever poured in (microseconds, 48 bits):
-- it tells a late correction how much came after its request, for what is given
-- back must not make room that others have meanwhile waited for.
--
-- Microseconds are rounded up to 256ths, always against the caller.

local function smooth_kit()
    local PACED = '<I7I1I7I7I7'
    local WORK = 281474976710656
    local BURST_PART = 20

    -- How much passes at once, how long one unit takes to leak, and how far from it a
    -- bucket may be: what is counted is whole, so half a unit makes no unit more.
    local function pace(window, amount)
        local burst = max(floor(amount / BURST_PART), 1)
        if amount <= burst then
            return burst, window + 1, 0
        end
        local unit = window / (amount - burst)
        return burst, unit, unit / 2
    end

    local function level_of(value, now)
        if not value then
            return -math.huge, 0
        end
        local till, part, work = unpack_from(PACED, value)
        return till - now + part / 256, work
    end

    local function leak_time(cost, unit)
        return ceil(cost * unit * 256) / 256
    end

    local function paced(level, work, window, amount, now)
        local whole = floor(level)
        return pack(PACED, now + whole, (level - whole) * 256, work % WORK, window,
            amount)
    end

    local function paced_life(level, window)
        return floor((level + window) / 1000) + 1
    end

    -- How long until cost passes; 0: now. Never is what is above the amount.
    local function paced_wait(level, cost, burst, unit, slack)
        return max(ceil(level - (burst - cost) * unit - slack), 0)
    end

    -- The value with by more (or less) poured in by the request that left stamp.
    local function correct_paced(value, stamp, by, now)
        local _, _, work, window, amount = unpack_from(PACED, value)
        local level = level_of(value, now)
        local _, unit = pace(window, amount)
        if by > 0 then
            local more = leak_time(by, unit)
            level = max(level, 0) + more
            work = work + ceil(more)
        else
            if level <= 0 then
                return nil
            end
            local less = floor(-by * unit * 256) / 256
            local after = (work - stamp) % WORK
            level = max(level - less, min(level, after))
        end
        return paced(level, work, window, amount, now), paced_life(level, window)
    end

    return {pace = pace, level_of = level_of, leak_time = leak_time,
        paced = paced, life = paced_life, wait = paced_wait,
        correct = correct_paced, WORK = WORK}
end

local smooth
