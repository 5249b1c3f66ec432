// Unusual use of a key is told within seconds, and the key suspended where that was
// said.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { Receiver } from './receiver.mjs';

const receiver = await Receiver.start();
after(() => receiver.close());
const gw = useGateway({ policy: ['ChatGPTRetries 0'], server: [
    'ChatGPTUnusual suspend tokens=2000 requests=30',
    `ChatGPTAlertTo hook ${receiver.url} kinds=unusual`] });

const HOUR = 3600;
const HOURS = 5 * 168;

/** Five weeks in which each hour was the same, as the gateway keeps them: codes of
 * sixth parts of a doubling; a run of zeros is 0 and its length. */
function weeks({ tokens, requests }) {
    const now = Math.floor(Date.now() / 1000 / HOUR);
    const code = (value) => (value ? 1 + Math.round(6 * Math.log2(value)) : 0);
    const bytes = [1];
    for (const hour of [now - HOURS, now - 1])
        for (let i = 0; i < 8; i++)
            bytes.push(Number(BigInt(hour) >> BigInt(8 * i) & 255n));
    const all = [tokens, tokens * 2, requests, 0, 0].flatMap((value) =>
        Array(HOURS).fill(code(value)));
    for (let i = 0; i < all.length;) {
        let run = 0;
        while (all[i + run] === 0 && run < 255)
            run++;
        bytes.push(all[i]);
        if (run)
            bytes.push(run);
        i += run || 1;
    }
    return bytes;
}

const remember = (letter, name, bytes) => gw.store('EVAL',
    `return redis.call('SET', KEYS[1], '${bytes.map((byte) =>
        `\\${String(byte).padStart(3, '0')}`).join('')}')`,
    '1', `cg:{alert}:base:${letter}:${name}`);

const using = (tokens) => `fake:${JSON.stringify({ say: 'ok', usage: {
    prompt_tokens: 1, completion_tokens: tokens, total_tokens: tokens + 1 } })}`;
const of = (made) => (call) => call.data.subject === made.id;

test('a key that uses far more than ever is told and suspended, once', async () => {
    const made = await gw.newKey({ name: 'stolen' });
    await remember('k', made.id, weeks({ tokens: 1000, requests: 20 }));
    for (let i = 0; i < 4; i++)
        await gw.chat(using(1500), { key: made.key });
    const call = await receiver.got(of(made));
    assert.equal(call.json.type, 'gateway.unusual');
    assert.equal(call.data.pattern, 'hour');
    assert.equal(call.data.quantity, 'tokens');
    assert.equal(call.data.suspended, true);
    assert.equal(call.data.subject_name, 'stolen');
    assert.ok(call.data.used > 2500, `${call.data.used}`);
    assert.ok(call.data.usual > 800 && call.data.usual < 1200);
    await until(async () => (await gw.chat(using(1), { key: made.key }))
        .status === 401, { ms: 3000, what: 'it to be refused' });
    assert.equal((await gw.admin('GET', `/keys/${made.id}`)).json.state,
        'suspended');
    await until(async () => (await gw.admin('GET',
        '/admin-events?operation=keys.suspend-unusual')).json.items.some(
        (one) => one.subject === `keys/${made.id}`
            && one.change.state.after === 'suspended'),
    { ms: 5000, what: 'the record of it' });

    const again = await gw.admin('PATCH', `/keys/${made.id}`,
        { state: 'active' }, { headers: { 'If-Match': '*' } });
    assert.equal(again.status, 200, again.text);
    await until(async () => (await gw.chat(using(1500), { key: made.key }))
        .status === 200, { ms: 3000, what: 'it to work again' });
    await sleep(3000);
    assert.equal((await gw.chat(using(1500), { key: made.key })).status, 200,
        'whom an operator has let go on is not stopped the same day');
    assert.equal(receiver.calls.filter(of(made)).length, 1);
});

test('as much as usual, and a new key, are nothing to tell', async () => {
    const usual = await gw.newKey({ name: 'usual' });
    const fresh = await gw.newKey({ name: 'fresh' });
    await remember('k', usual.id, weeks({ tokens: 4000, requests: 20 }));
    for (let i = 0; i < 4; i++) {
        await gw.chat(using(1500), { key: usual.key });
        await gw.chat(using(5000), { key: fresh.key });
    }
    await sleep(3500);
    assert.equal(receiver.calls.filter(of(usual)).length, 0);
    assert.equal(receiver.calls.filter(of(fresh)).length, 0);
});

test('requests that fail, or are refused, far more often than ever', async () => {
    const failing = await gw.newKey({ name: 'failing' });
    const scraping = await gw.newKey({ name: 'scraping', limits: ['5/60s'] });
    const others = await gw.newKey({ name: 'others' });
    const memory = weeks({ tokens: 100000, requests: 50 });
    await remember('k', failing.id, memory);
    await remember('k', scraping.id, memory);
    await Promise.all(Array.from({ length: 120 }, () =>
        gw.chat(using(1), { key: others.key })));
    gw.expectLog(/CG5\d{3}/);
    for (let i = 0; i < 4; i++)
        await Promise.all(Array.from({ length: 15 }, () => Promise.all([
            gw.chat('fake:{"status":500}', { key: failing.key }),
            gw.chat(using(1), { key: scraping.key })])));
    const errors = await receiver.got((call) => of(failing)(call)
        && call.data.pattern === 'errors');
    assert.equal(errors.data.quantity, 'requests');
    assert.equal(errors.data.suspended, false);
    const refusals = await receiver.got((call) => of(scraping)(call)
        && call.data.pattern === 'refusals');
    assert.ok(refusals.data.used >= 30);
});

test('sums of an hour stand in the store, by key and team and for all', async () => {
    const made = await gw.newKey({ name: 'counted', team: 'blue:0' });
    for (let i = 0; i < 3; i++)
        await gw.chat(using(100), { key: made.key });
    const field = async (name) => {
        const hours = (await gw.store('KEYS', 'cg:{alert}:use:*')).split('\n');
        let sum = 0;
        for (const hour of hours)
            sum += Number(await gw.store('HGET', hour, name));
        return sum;
    };
    await until(async () => await field(`k:${made.id}:0`) === 303,
        { ms: 6000, every: 200, what: 'tokens of the key' });
    assert.equal(await field('t:blue:0:2'), 3);
    assert.ok(await field('a::2') >= 3);
});
