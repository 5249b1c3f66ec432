// Limits of single objects: in force in every child within a second, through an outage
// and a graceful restart; in the place of what is configured for that subject alone.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';

let red;
let blue;
const gw = useGateway({ redis: true, policy: ['ChatGPTLimit team 1000/1h',
    'ChatGPTLimit team 100000000tokens/1h'] }, async () => {
    red = (await gw.newKey({ name: 'red', team: 'red' })).key;
    blue = (await gw.newKey({ name: 'blue', team: 'blue' })).key;
    gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i);
});

const WITHIN = 1000;
const put = (subject, body, version) => gw.admin('PUT', `/limits/team/${subject}`, body,
    { headers: { 'if-match': `"${version}"` } });
const remove = (subject, version) => gw.admin('DELETE', `/limits/team/${subject}`, undefined,
    { headers: { 'if-match': `"${version}"` } });

/** The team's limits of requests as answers tell them, over fresh connections that land
 * in all children. */
async function limitsSeen(key, calls = 24) {
    const all = await Promise.all(Array.from({ length: calls }, () =>
        gw.chat('hi', { key, headers: { connection: 'close' } })));
    assert.deepEqual(all.filter((one) => ![200, 429].includes(one.status))
        .map((one) => one.text), []);
    return [...new Set(all.map((one) => one.headers['x-ratelimit-limit-requests']))];
}

/** Every child goes by `want`, a second after the change at the latest. */
async function everyChildSays(key, want, since) {
    await sleep(Math.max(0, WITHIN - (performance.now() - since)));
    assert.deepEqual(await limitsSeen(key), [want]);
}

async function newChildren() {
    const before = await gw.children();
    process.kill(gw.ready.httpd_pid, 'SIGUSR1');
    await until(async () => {
        const now = await gw.children();
        return now.length > 0 && !now.some((one) => before.includes(one));
    }, { ms: 10000, what: 'new children' });
}

test('an override set in the console holds in every child within a second', async () => {
    assert.deepEqual(await limitsSeen(red), ['1000']);
    const since = performance.now();
    const made = await put('red', { limits: ['500/1h'] }, 0);
    assert.equal(made.status, 200, made.text);
    await everyChildSays(red, '500', since);
});

test('it replaces its own quantity, of its own subject, and nothing else', async () => {
    assert.deepEqual(await limitsSeen(blue), ['1000']);
    const got = await gw.chat('hi', { key: red });
    assert.equal(got.headers['x-ratelimit-limit-tokens'], '100000000');
    const rows = (await gw.admin('GET', '/limits/team/red')).json;
    assert.deepEqual(rows.items.map((row) => [row.limit, row.set_by]).sort(), [
        ['100000000tokens/1h', 'directive'], ['500/1h', 'console']]);
    assert.deepEqual(rows.replaced.map((row) => row.limit), ['1000/1h']);
});

test('one that comes to the store by another hand is heard as well', async () => {
    const row = { version: 7, limits: ['400/1h'], budgets: [],
        changed_at: new Date().toISOString(), changed_by: 'import' };
    const since = performance.now();
    await gw.store('HSET', 'cg:{limits}:by-object', 'team:red', JSON.stringify(row));
    await gw.store('PUBLISH', 'cg:limits', 'team:red');
    await everyChildSays(red, '400', since);
});

test('it survives a graceful restart, and refuses what is over it', async () => {
    await newChildren();
    assert.deepEqual(await limitsSeen(red), ['400']);
});

test('it survives an outage of Redis, and a start of new children in it', async () => {
    await gw.redis.kill();
    try {
        const seen = await limitsSeen(red, 12);
        assert.deepEqual(seen, ['400'], 'the override, counted here');
        await newChildren();
        assert.deepEqual(await limitsSeen(red, 12), ['400']);
    } finally {
        await gw.redis.start();
    }
    await until(async () => (await gw.admin('GET', '/limits/team/red')).status === 200,
        { ms: 8000, what: 'Redis again' });
});

test('taken away, what is configured is in force again within a second', async () => {
    const since = performance.now();
    const gone = await remove('red', 7);
    assert.equal(gone.status, 200, gone.text);
    await everyChildSays(red, '1000', since);
});

test('a small one is never passed, whichever child is asked', async () => {
    const { key } = await gw.newKey({ name: 'green', team: 'green' });
    const since = performance.now();
    assert.equal((await put('green', { limits: ['5/1h'] }, 0)).status, 200);
    await sleep(Math.max(0, WITHIN - (performance.now() - since)));
    const all = await Promise.all(Array.from({ length: 40 }, () => gw.chat('hi', { key })));
    assert.equal(all.filter((one) => one.status === 200).length, 5);
    const refused = all.find((one) => one.status === 429);
    assert.match(refused.error.message, /5.*team/);
});
