-- Present use of limits; writes nothing.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the counter of each ask. ARGV: the asks, packed as for admit.
-- Out:  for each ask what remains, what is held, when it is free again.

local now = clock()
local values = call('MGET', unpack(KEYS))
local out = {}
local at = 1

for i = 1, #KEYS do
    local _, kind, amount, from, stop
    _, kind, amount, _, _, from, stop, at = unpack_from(ASK, ARGV[1], at)
    local used, held, reset = 0, 0, 0
    if kind == WINDOW then
        local index = floor(now / from)
        local sum, first, ring = turn(values[i], index)
        used = sum
        reset = reset_for(ring, first, index, from, now)
    else
        local spent
        spent, held = budget_of(values[i])
        used = spent + held
        reset = used > 0 and stop - now or 0
    end
    out[3 * i - 2] = max(amount - used, 0)
    out[3 * i - 1] = held
    out[3 * i] = max(reset, 0)
end
return out
