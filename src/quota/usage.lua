-- Present use of limits; writes nothing.
-- SPDX-License-Identifier: Apache-2.0
--
-- KEYS: the counter of each ask. ARGV: the asks, packed as for admit.
-- Out:  for each ask what remains, what is held, when it is free again, how long its
-- cost would wait.

local SOFT = 128
local now = clock()
local values = call('MGET', unpack(KEYS))
look = look_kit()
local out = {}
local at = 1

for i = 1, #KEYS do
    local quantity, kind, amount, cost, from, stop, unused
    quantity, kind, amount, cost, unused, from, stop, unused, at =
        unpack_from(ASK, ARGV[1], at)
    local used, held, reset, wait =
        look(quantity, kind % SOFT, values[i], amount, cost, from, stop, now)
    out[4 * i - 3] = max(amount - used, 0)
    out[4 * i - 2] = held
    out[4 * i - 1] = max(reset, 0)
    out[4 * i] = max(wait, 0)
end
return out
