// Sealed credentials when the store was tampered with, or is away.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';

const RECORD = 'cg:{credential}:by-name:';
const secret = (name) => `${name}-${randomBytes(18).toString('hex')}`;

const gw = useGateway({ redis: true,
    server: ['ChatGPTUpstream vault ${UPSTREAM}/v1 stored:main',
        'ChatGPTUpstream spare ${UPSTREAM}/v1 stored:spare'],
    policy: ['ChatGPTRoute vault', 'ChatGPTRetries 0'] },
    () => gw.expectLog('CG9041', 'CG5001'));

const troubled = async () => Number(/^chatgpt_credentials_troubled (\d+)$/m
    .exec(await gw.metrics())?.[1]);

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

test('two records with their ciphertexts swapped are used by nobody, and change nothing', async () => {
    const main = secret('main');
    const spare = secret('spare');
    await set('main', main);
    await set('spare', spare);
    await sleep(700);
    const [a, b] = await Promise.all(['main', 'spare'].map((name) =>
        gw.store('HGET', RECORD + name, 'sealed')));
    assert.match(a, /^cgs1\./);
    await gw.store('HSET', RECORD + 'main', 'sealed', b.trim(), 'version', '1');
    await gw.store('HSET', RECORD + 'spare', 'sealed', a.trim(), 'version', '1');
    await gw.store('PUBLISH', 'cg:credentials', 'main');
    await until(async () => (await gw.admin('GET', '/credentials')).json.items
        .every((one) => one.state === 'unreadable'), { ms: 3000, what: 'both unreadable' });
    await sleep(700);
    // What was in force stays, also over a restart; the other's never goes out.
    assert.deepEqual(await shown(12), { statuses: [200], keys: [`Bearer ${main}`] });
    await gw.again();
    assert.deepEqual(await shown(6), { statuses: [200], keys: [`Bearer ${main}`] });
    const seen = (await gw.admin('GET', '/credentials')).json.items;
    assert.deepEqual(seen.map((one) => [one.name, one.state, one.in_force]),
        [['main', 'unreadable', 1], ['spare', 'unreadable', 1]]);
    await until(async () => (await troubled()) === 2, { ms: 3000, what: 'the metric' });
    const next = secret('next');
    await set('main', next);
    await until(async () => (await troubled()) === 1, { ms: 3000, what: 'one less' });
    // The children hear of it within the second, not in the same moment.
    await sleep(1200);
    assert.deepEqual((await shown()).keys, [`Bearer ${next}`]);
    await gw.ctl(['credential', 'delete', 'spare']);
});

test('an old text put back over a new version is used by nobody', async () => {
    const old = (await gw.store('HGET', RECORD + 'main', 'sealed')).trim();
    const now = secret('now');
    await set('main', now);
    await sleep(1200);
    assert.deepEqual((await shown()).keys, [`Bearer ${now}`]);
    await gw.store('HSET', RECORD + 'main', 'sealed', old);
    await gw.store('PUBLISH', 'cg:credentials', 'main');
    await sleep(700);
    assert.deepEqual((await shown(6)).keys, [`Bearer ${now}`]);
    await set('main', now);
});

test('while Redis is away, and after a start meanwhile, the credential is there', async () => {
    const kept = secret('kept');
    await set('main', kept);
    await sleep(1000);
    gw.expectLog('CG9020', 'CG8012', /CG1006/, /CG2\d\d\d/);
    await gw.redis.kill();
    process.kill(gw.ready.httpd_pid, 'SIGUSR1');
    await sleep(800);
    const got = await shown(8);
    await gw.redis.start();
    assert.deepEqual(got.keys.filter((one) => one !== `Bearer ${kept}`), []);
    await until(async () => (await gw.chat('back')).status === 200, { ms: 5000, what: 'Redis' });
    assert.deepEqual((await shown(6)).keys, [`Bearer ${kept}`]);
});
