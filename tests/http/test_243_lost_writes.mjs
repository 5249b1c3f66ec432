// A replica that has not heard of the last admissions and bills becomes the primary: they
// are told to it again, each once.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { balanced, books } from './books.mjs';
import { startSentinels } from './fleet.mjs';
import { until, useGateway } from './harness.mjs';

const fleet = await startSentinels({ replicas: 1, downAfter: 300 });
const gw = useGateway({ store: fleet.url, server: ['ChatGPTStoreTimeout 1s'] }, () => gw.expectLog(/CG[0-9]\d{3}/));
after(() => fleet.stop());
gw.store = (...words) => fleet.ask(primary, ...words);
let primary = 0;

test('holds and bills that the new primary never got are there again', async (t) => {
    const made = await gw.newKey({ name: 'twice', budget: '9USD/month',
        limits: ['50concurrent', '1000000tokens/1h', '100000/1h'] });
    const from = new Date().toISOString();
    for (let i = 0; i < 5; i++)
        assert.equal((await gw.chat('hi', { key: made.key })).status, 200);
    await until(async () => !(await books(gw, made.id)).holds, { what: 'the bills' });
    const before = await books(gw, made.id);
    await fleet.ask(0, 'WAIT', 1, 1000);
    const replica = Number(/process_id:(\d+)/.exec(
        await fleet.ask(1, 'INFO', 'server'))[1]);
    process.kill(replica, 'SIGSTOP');
    let long;
    try {
        await fleet.ask(0, 'CLIENT', 'KILL', 'TYPE', 'replica');
        for (let i = 0; i < 8; i++)
            assert.equal((await gw.chat('hi', { key: made.key })).status, 200);
        long = Array.from({ length: 4 }, () => gw.stream(`fake:${JSON.stringify({
            say: 'word '.repeat(320).trim(), chunk: 5, gap_ms: 14 })}`, { key: made.key,
            ms: 20000, body: { max_tokens: 1000 } }));
        await until(async () => (await books(gw, made.id)).concurrent === 4,
            { what: 'four streams' });
        await until(async () => (await books(gw, made.id)).holds === 4,
            { what: 'the bills' });
        await fleet.kill(0);
    } finally {
        process.kill(replica, 'SIGCONT');
    }
    primary = 1;
    const lost = await books(gw, made.id);
    assert.match(await fleet.ask(1, 'ROLE'), /^slave/, 'looked at too late');
    assert.deepEqual(lost, before, 'the replica has heard of it');
    await fleet.says(1, 'master', 'ROLE');
    const again = await until(async () => {
        const now = await books(gw, made.id);
        return now.concurrent === 4 && now;
    }, { ms: 6000, every: 50, what: 'the holds of four streams' });
    for (const one of await Promise.all(long))
        assert.equal(one.status, 200);
    const last = await balanced(gw, made, from, 8000);
    t.diagnostic(JSON.stringify({ before, lost, again, last }));
    assert.ok(!last.off, JSON.stringify(last));
    assert.equal(last.store['requests window'], 17);
});
