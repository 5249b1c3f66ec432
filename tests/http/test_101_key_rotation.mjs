// A key's life: rotation with both secrets, last use of each, the end announced.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';

const DAY = 86400e3;
const gw = useGateway();

const state = async (id) => (await gw.admin('GET', `/keys/${id}`)).json;
const status = async (key) => (await gw.chat('hi', { key })).status;

async function rotate(id, body = {}) {
    const got = await gw.admin('POST', `/keys/${id}/rotate`, body);
    assert.equal(got.status, 200, got.text);
    return got.json;
}

test('a rotated key works with both secrets for a day, in every child',
    async () => {
        const made = await gw.newKey({ name: 'turner', limits: ['1000/60s'] });
        assert.equal(await status(made.key), 200);
        const next = await rotate(made.id);
        assert.equal(next.id, made.id);
        assert.notEqual(next.key, made.key);
        assert.equal(next.state, 'rotating');
        assert.equal(next.previous_last4, made.key.slice(-4));
        const left = Date.parse(next.previous_until) - Date.now();
        assert.ok(left > DAY - 60e3 && left <= DAY, String(left));
        for (let i = 0; i < 12; i++)
            for (const key of [made.key, next.key])
                assert.equal(await status(key), 200);
    });

test('rotation keeps what was used of a limit', async () => {
    const made = await gw.newKey({ name: 'counted', limits: ['3/60s'] });
    assert.equal(await status(made.key), 200);
    const next = await rotate(made.id);
    assert.equal(await status(made.key), 200);
    assert.equal(await status(next.key), 200);
    assert.equal(await status(next.key), 429);
    assert.equal(await status(made.key), 429);
});

test('end now: the old secret is refused within a second, the new one works',
    async () => {
        const made = await gw.newKey({ name: 'ender' });
        const next = await rotate(made.id, { grace: '7d' });
        assert.equal(await status(made.key), 200);
        const got = await gw.admin('POST', `/keys/${made.id}/end-grace`, {});
        assert.equal(got.status, 200, got.text);
        assert.equal(got.json.state, 'active');
        assert.equal(got.json.previous_until, null);
        await sleep(900);
        for (let i = 0; i < 6; i++) {
            const refused = await gw.chat('hi', { key: made.key });
            assert.equal(refused.status, 401);
            assert.equal(refused.error.code, 'invalid_api_key');
        }
        assert.equal(await status(next.key), 200);
        const again = await gw.admin('POST', `/keys/${made.id}/end-grace`, {});
        assert.equal(again.status, 409);
    });

test('a grace of two seconds ends by itself', async () => {
    const made = await gw.newKey({ name: 'short' });
    const next = await rotate(made.id, { grace: '2s' });
    assert.equal(await status(made.key), 200);
    await sleep(2100);
    assert.equal(await status(made.key), 401);
    assert.equal(await status(next.key), 200);
    assert.equal((await state(made.id)).state, 'active');
});

test('a grace that is none is refused, and nothing is rotated', async () => {
    const made = await gw.newKey({ name: 'kept' });
    for (const grace of ['91d', 'soon', '-1s', '']) {
        const got = await gw.admin('POST', `/keys/${made.id}/rotate`, { grace });
        assert.equal(got.status, 400, grace);
    }
    assert.equal((await state(made.id)).version, 1);
    assert.equal(await status(made.key), 200);
});

test('last use is shown for each secret within seconds', async () => {
    const made = await gw.newKey({ name: 'used' });
    assert.equal((await state(made.id)).last_used_at, null);
    const at = Date.now();
    await gw.chat('hi', { key: made.key });
    const first = await until(async () => (await state(made.id)).last_used_at,
        { ms: 5000, what: 'the last use' });
    assert.ok(Math.abs(Date.parse(first) - at) < 2000, first);
    const next = await rotate(made.id);
    assert.equal(next.last_used_at, null);
    assert.equal(next.previous_used_at, first);
    await gw.chat('hi', { key: next.key });
    await until(async () => (await state(made.id)).last_used_at,
        { ms: 5000, what: 'the last use of the new secret' });
    assert.equal((await state(made.id)).previous_used_at, first);
});

test('an answer tells the end of a key within 14 days, and no other',
    async () => {
        const until13 = new Date(Date.now() + 13 * DAY).toISOString();
        const soon = await gw.newKey({ name: 'soon', expires_at: until13 });
        const late = await gw.newKey({ name: 'late', expires_at:
            new Date(Date.now() + 15 * DAY).toISOString() });
        const ever = await gw.newKey({ name: 'ever' });
        const header = async (key) => (await gw.chat('hi', { key }))
            .headers['x-chatgpt-key-expires'];
        assert.equal(await header(soon.key), until13);
        assert.equal(await header(late.key), undefined);
        assert.equal(await header(ever.key), undefined);
        const next = await rotate(ever.id, { grace: '1h' });
        assert.equal(await header(ever.key), next.previous_until);
        assert.equal(await header(next.key), undefined);
        const refused = await gw.chat('hi', { key: soon.key,
            body: { model: 'no-such-model' } });
        assert.equal(refused.headers['x-chatgpt-key-expires'], until13);
    });

test('keys are found by state, team, tag, words and expiry', async () => {
    const tag = 'found';
    const made = [await gw.newKey({ name: 'f1', tags: [tag], team: 'ft' }),
        await gw.newKey({ name: 'f2', tags: [tag, 'other'], expires_at:
            new Date(Date.now() + 5 * DAY).toISOString() }),
        await gw.newKey({ name: 'f3', tags: [tag] })];
    await rotate(made[2].id);
    const names = async (query) => {
        const got = await gw.admin('GET', `/keys?tag=${tag}&${query}`);
        assert.equal(got.status, 200, got.text);
        return got.json.items.map((one) => one.name).join(' ');
    };
    assert.equal(await names('limit=9'), 'f3 f2 f1');
    assert.equal(await names('team=ft'), 'f1');
    assert.equal(await names('state=rotating'), 'f3');
    assert.equal(await names('state=active'), 'f2 f1');
    assert.equal(await names('expiring=6d'), 'f2');
    assert.equal(await names('expiring=4d'), '');
    assert.equal(await names('q=F1'), 'f1');
    for (const query of ['state=happy', 'expiring=soon', 'expiring=0s',
        'colour=red'])
        assert.equal((await gw.admin('GET', `/keys?${query}`)).status, 400);
});

test('the end of a key is in the log once, and in the metrics', async () => {
    gw.expectLog('CG1027');
    const made = await gw.newKey({ name: 'watched', expires_at:
        new Date(Date.now() + 5 * DAY).toISOString() });
    await gw.again();
    const mine = async () => (await gw.log()).split('\n').filter((line) =>
        line.includes('CG1027') && line.includes(made.id)).length;
    await until(async () => await mine() > 0, { ms: 5000, what: 'CG1027' });
    const count = /^chatgpt_keys_expiring (\d+)/m.exec(await gw.metrics())?.[1];
    assert.ok(Number(count) >= 1, count);
    assert.equal(await mine(), 1);
});
