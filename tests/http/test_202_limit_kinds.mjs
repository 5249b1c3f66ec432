// Limits beyond requests a minute: at once, by the calendar, of pairs, of
// organizations, paced, in advance, and soft.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EMBEDDER, MODEL, until, useGateway } from './harness.mjs';
import { send } from './wire.mjs';

const place = (name, ...lines) => [`<Location "/${name}/v1">`,
    'ChatGPTEngine on', 'AuthType ChatGPT', 'AuthName api',
    'Require valid-user', 'ChatGPTLimit key none', 'ChatGPTLimit address none',
    ...lines, '</Location>'];

const gw = useGateway({ server: [
    ...place('once', 'ChatGPTLimit key 3concurrent'),
    ...place('acme', 'ChatGPTOrganization acme',
        'ChatGPTLimit organization 3/day tz=Pacific/Auckland'),
    ...place('zeta', 'ChatGPTOrganization zeta',
        'ChatGPTLimit organization 3/day tz=Pacific/Auckland'),
    ...place('pair', 'ChatGPTLimit user+model 2/week start=sun'),
    ...place('paced', 'ChatGPTLimit key 100/60s smooth'),
    ...place('exact', 'ChatGPTLimit key 4/1h exact'),
    ...place('leased', 'ChatGPTLimit key 1000/1h leased'),
    ...place('soft', 'ChatGPTLimit key 2/1h soft', 'ChatGPTLimit key 5/day'),
] });

const post = (at, body, key) => send(gw.api.replace(/v1$/, at),
    { method: 'POST', headers: gw.headers({}, key), body: JSON.stringify(body) });

const ask = (at, { key, content = 'hi', body }) => post(`${at}/v1/chat/completions`,
    { model: MODEL, messages: [{ role: 'user', content }], ...body }, key);

/** A counter of requests at once, as it stands in Redis. */
const HOW_MANY = "local v = redis.call('GET', KEYS[1]) "
    + "return v and struct.unpack('<I7', v) or 0";

async function statuses(count, one) {
    const all = { 200: 0, 429: 0 };
    for (let i = 0; i < count; i++) {
        const { status } = await one(i);
        all[status] = (all[status] ?? 0) + 1;
    }
    return all;
}

test('three at once, not a fourth, and as many in a row as one likes', async () => {
    const { id, key } = await gw.newKey({ name: 'once', user: 'once' });
    const slow = { key, content: 'fake:{"wait_ms":2500}' };
    const under = [1, 2, 3].map(() => ask('once', slow));
    await until(async () => (await gw.store('EVAL', HOW_MANY, '1',
        `cg:{cg}:concurrent:key:${id}`)).trim() === '3',
    { what: 'three under way' });
    const refused = await ask('once', { key });
    assert.equal(refused.error.code, 'rate_limit_exceeded');
    assert.match(refused.error.message, /at once \(3concurrent, by key\)/);
    for (const one of await Promise.all(under))
        assert.equal(one.status, 200, one.text);
    const alone = await gw.newKey({ name: 'alone', user: 'alone' });
    const all = await statuses(40, () => ask('once', { key: alone.key }));
    assert.deepEqual(all, { 200: 40, 429: 0 });
});

test('organizations are counted apart, over all their keys', async () => {
    const a = await gw.newKey({ name: 'a', user: 'a' });
    const b = await gw.newKey({ name: 'b', user: 'b' });
    const acme = await statuses(5, (i) => ask('acme', {
        key: i % 2 ? a.key : b.key }));
    assert.deepEqual(acme, { 200: 3, 429: 2 });
    assert.equal((await ask('zeta', { key: a.key })).status, 200);
    const keys = await gw.store('KEYS', 'cg:{cg:*}:budget:*');
    assert.match(keys, /cg:\{cg:acme\}:budget:organization:requests:\d{4}-\d\d-\d\d@Pacific\/Auckland:acme/);
    assert.match(keys, /cg:\{cg:zeta\}:budget:organization/);
});

test('a pair counts each meeting by itself', async () => {
    const { key } = await gw.newKey({ name: 'p', user: 'pia' });
    assert.deepEqual(await statuses(3, () => ask('pair', { key })),
        { 200: 2, 429: 1 });
    const other = await ask('pair', { key, body: { model: 'gpt-4o' } });
    assert.equal(other.status, 200, other.text);
    const refused = await ask('pair', { key });
    assert.match(refused.error.message, /2\/week, by user\+model/);
    assert.match(refused.headers['ratelimit-policy'],
        /"user\+model-requests-604800";q=2;w=604800/);
    assert.ok(Number(refused.headers['retry-after']) > 0);
});

test('smooth lets a twentieth through at once, exact all of it', async () => {
    const paced = await gw.newKey({ name: 'paced', user: 'paced' });
    const all = await Promise.all(Array.from({ length: 12 }, () =>
        ask('paced', { key: paced.key })));
    const served = all.filter((one) => one.status === 200).length;
    assert.ok(served >= 5 && served <= 8, `${served} of 12 at once`);
    const exact = await gw.newKey({ name: 'exact', user: 'exact' });
    assert.deepEqual(await statuses(6, () => ask('exact', { key: exact.key })),
        { 200: 4, 429: 2 });
});

test('leased: a slice of ten serves without asking, and not one too many is served',
    async () => {
        const { key } = await gw.newKey({ name: 'leased', user: 'leased' });
        const shown = [];
        for (let i = 0; i < 3; i++)
            shown.push((await ask('leased', { key })).headers);
        assert.deepEqual(shown.map((one) => one['x-ratelimit-remaining-requests']),
            ['999', '998', '997']);
        for (const one of shown)
            assert.match(one['x-ratelimit-reset-requests'], /^(1h|59m)/);
        const all = await Promise.all(Array.from({ length: 60 }, () =>
            ask('leased', { key })));
        assert.ok(all.every((one) => one.status === 200));
        // What is taken in advance counts as used until it is reported.
        const more = await statuses(60, () => ask('leased', { key }));
        assert.deepEqual(more, { 200: 60, 429: 0 });
        const left = (await ask('leased', { key }))
            .headers['x-ratelimit-remaining-requests'];
        assert.ok(Number(left) <= 880 && Number(left) > 780, `${left} remain`);
    });

test('soft refuses nobody, and the records say who passed it; the hard one beside it '
    + 'does', async () => {
    const { key, id } = await gw.newKey({ name: 'soft', user: 'soft' });
    assert.deepEqual(await statuses(7, () => ask('soft', { key })),
        { 200: 5, 429: 2 });
    const records = await until(async () => {
        const all = await gw.records(`key=${id}`);
        return all.length === 7 && all;
    }, { ms: 5000, what: 'seven records' });
    const passed = records.map((one) => one.soft_limits_passed ?? '').sort();
    assert.deepEqual(passed, ['', '', '', '', 'key 2/1h', 'key 2/1h', 'key 2/1h']);
});

test('an embedding counts for the pair of its own model', async () => {
    const { key } = await gw.newKey({ name: 'e', user: 'eve' });
    for (let i = 0; i < 3; i++) {
        const got = await post('pair/v1/embeddings',
            { model: EMBEDDER, input: 'hi' }, key);
        assert.equal(got.status, i < 2 ? 200 : 429, got.text);
    }
});
