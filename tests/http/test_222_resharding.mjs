// Redis as a cluster: the slot of all limits moves from node to node under load.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { moveSlot, ownerOf, startCluster } from './fleet.mjs';
import { useGateway } from './harness.mjs';
import { spendAlong } from './spending.mjs';

const fleet = await startCluster({ nodeTimeout: 5000 });
const gw = useGateway({ store: fleet.url }, () =>
    gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i));
after(() => fleet.stop());

test('the slot of all limits moves twice under load', async (t) => {
    const pad = [];
    const slot = Number(await fleet.ask(0, 'CLUSTER', 'KEYSLOT', '{cg}'));
    // What makes the move last: admissions meet it half done.
    for (let i = 0; i < 160; i++)
        pad.push(`{cg}:pad:${i}`, 'x');
    const owner = await ownerOf(fleet, slot);
    await fleet.ask(owner, 'MSET', ...pad);
    const spending = await spendAlong(t, gw, { budget: 0.25 });
    await spending.more(40, 8000);
    const moved = await moveSlot(fleet, slot, owner, (owner + 1) % 3);
    await spending.more(20, 5000);
    const back = await moveSlot(fleet, slot, (owner + 1) % 3, owner,
        { batch: 200, rest: 0 });
    t.diagnostic(`${moved} and ${back} keys moved`);
    assert.ok(moved >= 160 && back >= 160, `${moved} and ${back} keys moved`);
    await spending.finish();
});
