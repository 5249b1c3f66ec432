// Redis as a cluster: everything works over three nodes, and a primary dies.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { ownerOf, startCluster } from './fleet.mjs';
import { until, useGateway } from './harness.mjs';
import { spendAlong } from './spending.mjs';

const fleet = await startCluster({ replicas: 3, nodeTimeout: 1000 });
const gw = useGateway({ store: fleet.url }, () =>
    gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i));
after(() => fleet.stop());

test('keys, revocation, bulk, policies, credentials and records work over all nodes',
    async () => {
        const made = await Promise.all(Array.from({ length: 12 }, (_, i) =>
            gw.newKey({ name: `key ${i}` })));
        const all = await Promise.all(made.map(({ key }) =>
            gw.chat('hi', { key })));
        assert.deepEqual(all.map((one) => one.status), made.map(() => 200));
        const listed = await gw.admin('GET', '/keys?limit=100');
        for (const { id } of made)
            assert.ok(listed.text.includes(id), `${id} is not listed`);
        const csv = ['name,owner', ...Array.from({ length: 40 },
            (_, i) => `bulk ${i},o`)].join('\n');
        const bulk = await gw.ctl(['key', 'import', '-'], { input: csv });
        assert.equal(bulk.code, 0, bulk.stderr + bulk.stdout);
        await gw.revoke(made[0].id);
        await until(async () => (await gw.chat('hi', { key: made[0].key }))
            .status === 401, { ms: 2000, every: 50, what: 'a revoked key refused' });
        await gw.record(all[5].headers['x-request-id']);
        const kept = await Promise.all([0, 1, 2].map((which) =>
            fleet.ask(which, 'DBSIZE')));
        assert.ok(kept.every((size) => Number(size) > 0), `keys: ${kept}`);
    });

test('the primary that has all limits is killed: its replica serves on', async (t) => {
    const slot = Number(await fleet.ask(0, 'CLUSTER', 'KEYSLOT', '{cg}'));
    const spending = await spendAlong(t, gw, { budget: 0.25 });
    await spending.more(60, 8000);
    const owner = await ownerOf(fleet, slot);
    await fleet.kill(owner);
    const took = await spending.more(20, 12000);
    t.diagnostic(`serving again ${took} ms after the kill (node-timeout 1000 ms)`);
    assert.ok(took < 9000, `${took} ms`);
    await spending.finish();
});
