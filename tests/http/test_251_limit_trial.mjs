// "Would this request pass, and which limit decides?": the same answer as a request
// gets, and nothing in the store is changed by asking.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTLimit key none', 'ChatGPTLimit address none',
    'ChatGPTLimit key 3/1h', 'ChatGPTLimit team 2000tokens/day', 'ChatGPTBudget user 1USD/month',
    'ChatGPTLimit model 100000tokens/60s smooth', 'ChatGPTOutputTokens 500'] });

const attempt = async (body) => {
    const got = await gw.admin('POST', '/limit-simulations', { model: MODEL, ...body });
    assert.equal(got.status, 200, got.text);
    return got.json;
};

/** All that Redis holds but what servers say of themselves all the time. */
async function everything() {
    const keys = (await gw.store('--scan')).split('\n')
        .filter((key) => key && !/\{audit\}|cg:servers|cg:\{alert\}/.test(key)).sort();
    const all = await Promise.all(keys.map(async (key) => [key, await gw.store('DUMP', key)]));
    // The stand's own key: when it was used last is written some time later.
    return all.filter(([, dump]) => !dump.includes('quick start'));
}

test('who would pass is told so, with each limit it would meet', async () => {
    const { id } = await gw.newKey({ name: 'thought', team: 'red', user: 'ada' });
    const got = await attempt({ key: id, text: 'Hello there', max_output_tokens: 100 });
    assert.equal(got.passes, true, JSON.stringify(got));
    assert.deepEqual([got.status, got.reason, got.decided_by, got.clamped_to], [200, '', null, null]);
    assert.equal(got.output_tokens, 100);
    assert.ok(got.input_tokens >= 8 && got.input_tokens <= 20, `${got.input_tokens}`);
    assert.match(got.place, /\/v1\/chat\/completions$/);
    const by = Object.fromEntries(got.limits.map((row) => [row.dimension, row]));
    assert.deepEqual(Object.keys(by).sort(), ['key', 'model', 'team', 'user']);
    assert.deepEqual([by.key.subject, by.key.cost, by.key.used, by.key.fits], [id, 1, 0, true]);
    assert.deepEqual([by.team.subject, by.team.cost, by.team.set_by],
        ['red', got.input_tokens + 100, 'directive']);
    assert.deepEqual([by.user.subject, by.user.cost], ['ada', got.cost_micros]);
});

test('who would not is told which limit decides, and when it would pass', async () => {
    const { key, id } = await gw.newKey({ name: 'used up', team: 'blue', user: 'bob' });
    for (let i = 0; i < 3; i += 1)
        assert.equal((await gw.chat('x', { key, body: { max_tokens: 5 } })).status, 200);
    const got = await attempt({ key: id, text: 'x', max_output_tokens: 5 });
    assert.equal(got.passes, false);
    assert.deepEqual([got.status, got.reason, got.decided_by.dimension, got.decided_by.remaining],
        [429, 'rate_limit_exceeded', 'key', 0]);
    const wait = Date.parse(got.passes_at) - Date.now();
    assert.ok(wait > 3000e3 && wait <= 3700e3, `${wait}`);
    const real = await gw.chat('x', { key, body: { max_tokens: 5 } });
    assert.equal(real.status, 429);
    assert.equal(real.error.message, got.detail);
    const never = await attempt({ key: id, text: 'x', max_output_tokens: 5000 });
    assert.deepEqual([never.passes, never.decided_by.dimension, never.passes_at],
        [false, 'team', null], 'more than the limit never fits');
});

test('also for who is only named, and for what the configuration does not price', async () => {
    const got = await attempt({ user: 'eve', team: 'red', input_tokens: 1990, max_output_tokens: 20 });
    assert.deepEqual([got.passes, got.decided_by.dimension, got.decided_by.cost],
        [false, 'team', 2010]);
    const free = await attempt({ model: 'no-such-model', user: 'eve' });
    assert.deepEqual([free.passes, free.status], [false, free.reason === 'model_not_found' ? 404 : 403]);
    const { id } = await gw.newKey({ name: 'ended', endpoints: ['embeddings'] });
    const place = await attempt({ key: id });
    assert.deepEqual([place.passes, place.reason], [false, 'key_not_allowed_here']);
    await gw.revoke(id);
    assert.equal((await attempt({ key: id })).reason, 'key_revoked');
});

test('what the console says of a subject counts, too', async () => {
    const made = await gw.admin('PUT', '/limits/user/zoe', { budgets: ['0.000001USD/day'] },
        { headers: { 'if-match': '"0"' } });
    assert.equal(made.status, 200, made.text);
    for (let i = 0; ; i += 1) {
        const got = await attempt({ user: 'zoe', text: 'hello' });
        if (!got.passes) {
            assert.deepEqual([got.decided_by.set_by, got.decided_by.kind, got.reason],
                ['console', 'budget', 'insufficient_quota']);
            break;
        }
        assert.ok(i < 60, 'in force within a second or two');
        await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
});

test('questions that cannot be are refused with their member', async () => {
    for (const [body, pointer] of [[{ key: 'nosuchid' }, '/key'],
        [{ endpoint: 'sing' }, '/endpoint'], [{ vhost: 'nowhere.example' }, '/vhost'],
        [{ path: '/elsewhere' }, '/path'], [{ text: 'a', input_tokens: 3 }, '/input_tokens'],
        [{ input_tokens: -1 }, '/input_tokens'], [{ model: null }, '/model']]) {
        const got = await gw.admin('POST', '/limit-simulations', { model: MODEL, user: 'a', ...body });
        assert.equal(got.status, 400, got.text);
        assert.equal(got.json.errors[0].pointer, pointer, got.text);
    }
});

test('asking changes nothing: no counter, no hold, no use of a key, no record', async () => {
    const { id } = await gw.newKey({ name: 'untouched', team: 'grey', user: 'gus' });
    await attempt({ key: id, text: 'warm' });
    const before = await everything();
    const events = (await gw.admin('GET', '/admin-events?limit=500')).json.items.length;
    for (let i = 0; i < 20; i += 1)
        await attempt({ key: id, text: 'x'.repeat(i), max_output_tokens: i * 40 + 1 });
    assert.deepEqual(await everything(), before);
    assert.ok(before.length > 3);
    const after = (await gw.admin('GET', '/admin-events?limit=500')).json.items;
    assert.equal(after.filter((row) => /simul/.test(row.operation)).length, 0);
    assert.ok(after.length >= events);
});
