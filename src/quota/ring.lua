-- Windows that slide: a ring of 60 parts, and what all scripts share.
-- SPDX-License-Identifier: Apache-2.0
--
-- A window is kept as a ring of at most 60 sub-buckets, each 1/59 of the window
-- long, with a running sum:
--
--     sum held renewed | stamp count | stamp count | ... | stamp count   (packed)
--                        oldest                            newest
--
-- A sub-bucket counts in full until its last moment has left the window; that is
-- why 59 parts make the window and 60 are kept. So the sum is never less than
-- what lies in the true window, and the limit is never passed. Only sub-buckets
-- that hold something are stored, in order, so that each admission drops from
-- the front and adds at the end: the cost does not depend on the window.
--
-- Held is what servers took in advance (leased limits) and have not reported: it
-- has no moment yet, and counts until they do. What they then say to have spent
-- is put into the newest sub-bucket, later than it was spent.
--
-- A stamp is the number of the sub-bucket since 1970 in 16 bits: a ring lives at
-- most 122 sub-buckets after its life was renewed (or, while something is held,
-- as long as that may be), so ages stay far below 2^15. A stamp from the future
-- means that the clock of the store was set back: all that is counted then
-- counts as of now, which is safe and heals in a window. The life is renewed
-- once in a window and not at each write, because SET with PX costs twice a SET
-- with KEEPTTL.
--
-- All numbers are whole and below 2^53, where Lua's doubles are exact.
--
-- A script is run from its first line at each call, and each function in it is made
-- anew: 0.1 us. So what is seldom needed stands in kits, functions that make others
-- when they are needed.

local REQUESTS, TOKENS, MICROS, INPUT, OUTPUT, CONCURRENT = 0, 1, 2, 3, 4, 5
local WINDOW, CALENDAR, SMOOTH, EXACT, SLOTS_AT_ONCE = 1, 2, 3, 4, 5
local LEASE_WINDOW, LEASE_CALENDAR = 6, 7
local ADMITTED, REFUSED, OTHER_PERIOD, WAS_CANCELLED = 1, 0, 2, 3
local HELD, EXPIRED, CANCELLED, SETTLED = 1, 2, 3, 4
local SETTLE, RELEASE, CANCEL, EXPIRE, REPORT, REPLACE = 1, 2, 3, 4, 5, 6

local SLOTS = 60
local LIFE = 122
local STAMPS = 65536
local HEAD = '<I7I7I2'
local FIRST = 17
local SLOT = '<I2I6'
local SLOT_BYTES = 8
local BUDGET = '<I7I7'
local ASK = '<I1I1I7I7I7I7I7I7'
local ENTRY = '<I1I1I7I7I7s'
local DAY_MS = 86400000
local SLICE_MS = 14400000

local call = redis.call
local pack = struct.pack
local unpack_from = struct.unpack
local floor = math.floor
local ceil = math.ceil
local min = math.min
local max = math.max

local function clock()
    local time = call('TIME')
    return time[1] * 1000000 + time[2]
end

-- Moves a ring on to sub-bucket index: its sum, where the slots that still count
-- begin, the ring, the stamp of when its life was renewed, and what is held.
local function turn(ring, index)
    if not ring then
        return 0, FIRST, '', nil, 0
    end
    local sum, held, renewed = unpack_from(HEAD, ring)
    local at = FIRST
    while at < #ring do
        local stamp, count = unpack_from(SLOT, ring, at)
        local age = (index - stamp) % STAMPS
        if age < SLOTS then
            break
        end
        if age >= STAMPS / 2 then
            return sum, FIRST, pack(HEAD, sum, held, renewed) ..
                pack(SLOT, index % STAMPS, sum), renewed, held
        end
        sum = sum - count
        at = at + SLOT_BYTES
    end
    return sum, at, ring, renewed, held
end

-- A turned ring with cost more in sub-bucket index.
local function add(ring, at, sum, index, cost, renewed, held)
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
    return pack(HEAD, sum + cost, held, renewed) .. ring:sub(at, stop) ..
        pack(SLOT, stamp, count)
end

-- How long a ring is to live from now on (milliseconds). Slices are taken only of
-- windows of a minute and more: in four hours their stamps do not come round.
local function ring_life(span, held)
    return floor(span * LIFE / 1000) + 1 + (held > 0 and SLICE_MS or 0)
end
