// The published policy outlives the death of Redis and of children.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { until, useGateway } from './harness.mjs';
import { current, masksEverywhere, publish, wordList }
    from './policy.mjs';

const gw = useGateway({ redis: true,
    server: ['ChatGPTPolicyApproval never', 'ChatGPTStoreTimeout 2s'] },
    () => gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i, /AH00052/));

const journal = () => path.join(gw.folder, 'journal');
const file = (name) => path.join(journal(), name);
const inForce = async () => (await gw.admin('GET', '/policy-catalogue'))
    .json?.in_force;
const reached = (version, what = `version ${version}`) => until(async () =>
    (await inForce().catch(() => -1)) === version, { ms: 8000, what });

/** What this server would find, whatever the store does. */
const finds = async (text) => (await gw.admin('POST', '/scan', { text }))
    .json?.entities?.map((one) => one.rule).join();

test('what is published stands in the journal\'s folder, for its owner alone',
    async () => {
        const made = await publish(gw, wordList('Falconry'));
        assert.equal(made.status, 201, made.text);
        await masksEverywhere(gw, 'Falconry');
        const files = readdirSync(journal()).filter((name) =>
            name.startsWith('policy'));
        assert.ok(files.includes('policy.published'), files.join());
        assert.equal(files.filter((name) => name.endsWith('.rules')).length, 1);
        for (const name of files)
            assert.equal(statSync(file(name)).mode & 0o777, 0o600, name);
    });

test('a child killed while it is published changes nothing', async () => {
    const [victim] = await gw.children();
    const made = await publish(gw, wordList('Falconry', 'Heronry'));
    process.kill(victim, 'SIGKILL');
    assert.equal(made.status, 201, made.text);
    await until(async () => !(await gw.children()).includes(victim)
        && (await gw.children()).length >= 3, { ms: 8000, what: 'a new child' });
    await masksEverywhere(gw, 'Heronry');
    await masksEverywhere(gw, 'Falconry');
});

test('Redis killed while it is published: all or nothing', async () => {
    const before = await current(gw);
    const asking = publish(gw, wordList('Falconry', 'Heronry', 'Ospreynest'),
        { base: before.version });
    await gw.redis.kill();
    const made = await asking;
    assert.ok([201, 503].includes(made.status), made.text);
    const during = await inForce();
    assert.ok(during === before.version || made.status === 201
        || during === before.version + 1, `${during}`);
    assert.equal(await finds('Heronry'), 'clients');
    const refused = await publish(gw, wordList('Falconry'),
        { base: before.version });
    assert.equal(refused.status, 503, refused.text);
    await gw.redis.start();
    const after = await until(async () => {
        const got = await gw.admin('GET', '/policy-versions?limit=1');
        return got.status === 200 && got.json.items[0];
    }, { ms: 8000, what: 'versions again' });
    if (made.status === 201)
        assert.equal(after.version, made.json.version);
    await reached((await current(gw)).version);
    await masksEverywhere(gw, 'Heronry');
});

test('what is published while a server is away is in force when it is back',
    async () => {
        const made = await publish(gw, wordList('Falconry', 'Heronry',
            'Ospreynest', 'Kestrelry'));
        assert.equal(made.status, 201, made.text);
        await reached(made.json.version);
        await masksEverywhere(gw, 'Kestrelry');
    });
