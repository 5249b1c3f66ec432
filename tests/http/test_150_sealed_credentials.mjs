// Credentials of upstreams that are kept in Redis, sealed, and taken by running servers.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';

import { sleep, useGateway } from './harness.mjs';

const secret = (name) => `${name}-${randomBytes(18).toString('hex')}`;
const first = secret('first');

const gw = useGateway({ redis: true,
    server: ['ChatGPTUpstream vault ${UPSTREAM}/v1 stored:main',
        'ChatGPTUpstream spare ${UPSTREAM}/v1 stored:spare'],
    policy: ['ChatGPTRoute vault', 'ChatGPTRetries 0'] });

const set = (name, value) => gw.ctl(['credential', 'set', name], { input: value });

/** What the provider was shown by calls over connections of their own, so by all children. */
async function shown(calls = 24) {
    const agent = new http.Agent({ keepAlive: false });
    gw.forget();
    const statuses = new Set();
    await Promise.all(Array.from({ length: calls }, async () =>
        statuses.add((await gw.chat('hello', { agent })).status)));
    const keys = new Set(gw.reached.map((one) => {
        const at = one.raw.findIndex((word) => word.toLowerCase() === 'authorization');
        return at < 0 ? 'none' : one.raw[at + 1];
    }));
    return { statuses: [...statuses], keys: [...keys] };
}

test('before there is a credential nothing is sent without one', async () => {
    gw.expectLog('CG9041', 'CG5001');
    const got = await shown(6);
    assert.deepEqual(got, { statuses: [503], keys: [] });
    const seen = await gw.admin('GET', '/credentials');
    assert.deepEqual(seen.json.items.map((one) => [one.name, one.state, one.used_by]),
        [['main', 'missing', ['vault']], ['spare', 'missing', ['spare']]]);
});

test('a credential is set from standard input and used within a second, by every child',
    async () => {
        const made = await set('main', `${first}\n`);
        assert.equal(made.code, 0, made.stderr);
        assert.equal(made.lines[0].version, 1);
        assert.ok(!made.stdout.includes(first) && !made.stderr.includes(first));
        await sleep(1000);
        assert.deepEqual(await shown(), { statuses: [200], keys: [`Bearer ${first}`] });
    });

test('a change holds within a second, without a restart and without a refusal', async () => {
    const pids = await gw.children();
    for (let i = 0; i < 2; i += 1) {
        const next = secret(`next${i}`);
        assert.equal((await set('main', next)).code, 0);
        await sleep(1000);
        assert.deepEqual(await shown(12), { statuses: [200], keys: [`Bearer ${next}`] });
    }
    assert.deepEqual(await gw.children(), pids);
});

test('GET /credentials tells all but the value, to any role that may see numbers', async () => {
    for (const as of ['admin', 'viewer']) {
        const { json, text } = await gw.admin('GET', '/credentials', undefined, { as });
        const [main] = json.items;
        assert.equal(main.name, 'main');
        assert.equal(main.state, 'ok');
        assert.equal(main.version, 3);
        assert.match(main.kek_id, /^[0-9a-f]{16}$/);
        assert.deepEqual(main.used_by, ['vault']);
        assert.ok(Date.parse(main.created_at) <= Date.parse(main.changed_at));
        assert.doesNotMatch(text, /sealed"|cgs1/);
    }
    assert.equal((await gw.admin('GET', '/credentials', undefined, { as: null })).status, 401);
    assert.equal((await gw.admin('POST', '/credentials', {})).status, 405);
    const accounts = await gw.admin('GET', '/accounts');
    assert.equal(accounts.json.items.find((one) => one.name === 'vault').credential, 'stored');
});

test('a deleted credential is gone within a second', async () => {
    const made = await gw.ctl(['credential', 'delete', 'main']);
    assert.equal(made.code, 0, made.stderr);
    await sleep(1000);
    assert.deepEqual(await shown(8), { statuses: [503], keys: [] });
    assert.equal((await gw.ctl(['credential', 'delete', 'main'])).code, 1);
    await set('spare', 'x');
    assert.deepEqual((await gw.ctl(['credential', 'list'])).lines.map((one) => one.name),
        ['spare']);
});

test('the tool takes no secret as a word, nor one that is not a line', async () => {
    const word = secret('word');
    const told = await gw.ctl(['credential', 'set', 'main', word]);
    assert.equal(told.code, 2);
    assert.ok(!told.stderr.includes(word));
    for (const input of ['', '\n', 'two words', 'two\nlines', 'x'.repeat(16385)])
        assert.equal((await set('main', input)).code, 2);
    assert.equal((await set('no/name', 'x')).code, 2);
    const env = { CHATGPT_SEAL_KEY: 'file:/nonexistent/key' };
    assert.equal((await gw.ctl(['credential', 'set', 'main'], { input: word, env })).code, 1);
});
