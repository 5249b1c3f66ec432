// Two people and many callers at one key at the same time: what ends, and what must not.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sleep, useGateway } from './harness.mjs';

const gw = useGateway();

const state = async (id) => (await gw.admin('GET', `/keys/${id}`)).json;
const status = async (key) => (await gw.chat('hi', { key })).status;

async function rotate(id, body = {}) {
    const got = await gw.admin('POST', `/keys/${id}/rotate`, body);
    assert.equal(got.status, 200, got.text);
    return got.json;
}

test('two people who rotate at once: one is done, the other is told, the old secret lives',
    async () => {
        const made = await gw.newKey({ name: 'contested' });
        const all = await Promise.all(Array.from({ length: 4 }, () =>
            gw.admin('POST', `/keys/${made.id}/rotate`, { grace: '1h' },
                { headers: { 'if-match': '"1"' } })));
        assert.deepEqual(all.map((got) => got.status).sort(), [200, 412, 412, 412]);
        const { key } = all.find((got) => got.status === 200).json;
        await sleep(900);
        assert.equal(await status(made.key), 200);
        assert.equal(await status(key), 200);
        const late = await gw.admin('POST', `/keys/${made.id}/end-grace`, {},
            { headers: { 'if-match': '"1"' } });
        assert.equal(late.status, 412);
        assert.equal((await state(made.id)).version, 2);
    });

test('a revocation within the grace ends both secrets in every child within a second',
    async () => {
        const made = await gw.newKey({ name: 'leaked twice' });
        const next = await rotate(made.id, { grace: '1h' });
        const ask = () => Promise.all(Array.from({ length: 24 }, (_, i) =>
            status(i % 2 ? made.key : next.key)));
        assert.deepEqual(new Set(await ask()), new Set([200]));
        await gw.revoke(made.id);
        await sleep(900);
        assert.deepEqual(new Set(await ask()), new Set([401]));
    });

test('while requests flow, "end now" ends the old secret and never touches the new one', async () => {
    const made = await gw.newKey({ name: 'busy' });
    const next = await rotate(made.id, { grace: '1h' });
    let isOver = false;
    let endedAt = Infinity;
    const seen = { old: [], new: [] };
    const call = async (name, key) => {
        while (!isOver) {
            const at = performance.now();
            seen[name].push({ at, status: await status(key) });
        }
    };
    const callers = [1, 2, 3].flatMap(() => [call('old', made.key), call('new', next.key)]);
    await sleep(300);
    const got = await gw.admin('POST', `/keys/${made.id}/end-grace`, {});
    assert.equal(got.status, 200, got.text);
    endedAt = performance.now();
    await sleep(1600);
    isOver = true;
    await Promise.all(callers);
    assert.deepEqual(new Set(seen.new.map((one) => one.status)), new Set([200]));
    assert.ok(seen.old.some((one) => one.status === 200), 'it worked before');
    const late = seen.old.filter((one) => one.at > endedAt + 1000);
    assert.ok(late.length > 3);
    assert.deepEqual(new Set(late.map((one) => one.status)), new Set([401]));
    assert.deepEqual(seen.old.filter((one) => ![200, 401].includes(one.status)), []);
});

test('suspended and resumed under load: nothing but 200 and key_suspended is answered', async () => {
    const made = await gw.newKey({ name: 'paused' });
    for (const [to, expected] of [['suspended', 401], ['active', 200], ['suspended', 401]]) {
        const { version } = await state(made.id);
        const got = await gw.admin('PATCH', `/keys/${made.id}`, { state: to },
            { headers: { 'if-match': `"${version}"` } });
        assert.equal(got.status, 200, got.text);
        await sleep(900);
        const all = await Promise.all(Array.from({ length: 24 }, () => status(made.key)));
        assert.deepEqual(new Set(all), new Set([expected]), to);
    }
});
