// Redis behind sentinels: the primary dies under load, another serves on.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startSentinels } from './fleet.mjs';
import { until, useGateway } from './harness.mjs';
import { spendAlong } from './spending.mjs';

const fleet = await startSentinels({ replicas: 1, downAfter: 500 });
const gw = useGateway({ store: fleet.url }, () =>
    gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i));
after(() => fleet.stop());

test('a primary is killed: limits close, serve again by themselves, and '
    + 'nothing is spent twice or lost', async (t) => {
    const spending = await spendAlong(t, gw);
    await spending.more(60, 8000);
    await fleet.kill(0);
    const took = await spending.more(20, 12000);
    t.diagnostic(`serving again ${took} ms after the kill (down-after 500 ms)`);
    assert.ok(took < 8000, `${took} ms`);
    await spending.finish();
    assert.match(await fleet.ask(1, 'ROLE'), /^master/);
});

test('keys made before and after are known, and chatgptctl asks the same store',
    async () => {
        const { id, key } = await gw.newKey({ name: 'after' });
        assert.equal((await gw.chat('hi', { key })).status, 200);
        const told = await gw.ctl(['key', 'list']);
        assert.equal(told.code, 0, told.stderr);
        assert.ok(told.stdout.includes(id), told.stdout);
        await gw.revoke(id);
        await until(async () => (await gw.chat('hi', { key })).status === 401,
            { ms: 2000, every: 50, what: 'the revoked key refused' });
    });
