-- Progress: what live requests have used so far is the least they are charged.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the holds. ARGV: packed, for each: input and output tokens,
-- micro-dollars. Out: how many holds were found.

local SO_FAR = '<I7I7I7'
local records = call('MGET', unpack(KEYS))
local found = 0
local at = 1

local function raise(record, bill)
    local entries = {record:sub(1, 1)}
    local place = 2
    while place <= #record do
        local quantity, kind, cost, least, stamp, key
        quantity, kind, cost, least, stamp, key, place =
            unpack_from(ENTRY, record, place)
        least = max(least, min(cost, bill[quantity] or 0))
        entries[#entries + 1] = pack(ENTRY, quantity, kind, cost, least, stamp,
            key)
    end
    return table.concat(entries)
end

for i = 1, #KEYS do
    local input, output, micros
    input, output, micros, at = unpack_from(SO_FAR, ARGV[1], at)
    local record = records[i]
    if record and record:byte(1) == HELD then
        call('SET', KEYS[i], raise(record, bill_of(input, output, micros)),
            'KEEPTTL')
        found = found + 1
    end
end
return found
