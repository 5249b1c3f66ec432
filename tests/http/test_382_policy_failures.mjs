// The published policy outlives Redis, children and restarts; what cannot be
// loaded is not replaced by something looser.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { current, isSentAsItIs, masksEverywhere, publish, wordList }
    from './policy.mjs';

const gw = useGateway({ redis: true, server: ['ChatGPTPolicyApproval never'] },
    () => gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i, 'CG9032', 'CG9031',
        'CG9002', /AH00052/));

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

test('a graceful restart keeps it', async () => {
    const { version } = await current(gw);
    const before = await gw.children();
    process.kill(gw.ready.httpd_pid, 'SIGUSR1');
    await until(async () => {
        const now = await gw.children();
        return now.length > 0 && !now.some((one) => before.includes(one));
    }, { ms: 10000, what: 'new children' });
    await masksEverywhere(gw, 'Kestrelry');
    assert.equal(await inForce(), version);
});

test('a start while Redis is away: the last published one is in force',
    async () => {
        const { version } = await current(gw);
        await gw.halt();
        await gw.redis.kill();
        await gw.bare();
        try {
            await reached(version, 'the policy without Redis');
            assert.equal(await finds('Kestrelry'), 'clients');
            const image = readdirSync(journal()).find((name) =>
                name.endsWith('.rules'));
            assert.ok(image);
        } finally {
            await gw.redis.start();
            await gw.again();
        }
        await masksEverywhere(gw, 'Kestrelry');
    });

test('a damaged image is compiled again', async () => {
    await gw.halt();
    for (const name of readdirSync(journal()).filter((one) =>
        one.endsWith('.rules'))) {
        const bytes = readFileSync(file(name));
        bytes.fill(0x5a, bytes.length >> 1);
        writeFileSync(file(name), bytes);
    }
    await gw.again();
    await masksEverywhere(gw, 'Kestrelry');
});

test('a damaged document refuses requests until it is fetched again',
    async () => {
        await gw.halt();
        const bytes = readFileSync(file('policy.published'));
        bytes.fill(0x5a, bytes.length >> 1);
        writeFileSync(file('policy.published'), bytes);
        const head = await gw.redis.cli('HGETALL', 'cg:{policy}:head');
        await gw.redis.cli('RENAME', 'cg:{policy}:head', 'aside');
        await gw.again();
        for (let i = 0; i < 5; i++) {
            const got = await gw.chat('hello');
            assert.equal(got.status, 503, got.text);
            assert.equal(got.error.code, 'policy_unavailable');
            await sleep(50);
        }
        assert.match(gw.log(), /CG9032 .*is damaged/);
        await gw.redis.cli('RENAME', 'aside', 'cg:{policy}:head');
        assert.equal(await gw.redis.cli('HGETALL', 'cg:{policy}:head'), head);
        await until(async () => (await gw.chat('hello')).status === 200,
            { ms: 8000, what: 'the policy from the store' });
        await masksEverywhere(gw, 'Kestrelry');
    });

test('an emptied store lifts nothing', async () => {
    await gw.redis.cli('DEL', 'cg:{policy}:head');
    await gw.redis.cli('PUBLISH', 'cg:policy', '1');
    await sleep(500);
    await masksEverywhere(gw, 'Kestrelry');
    assert.equal(await isSentAsItIs(gw, 'Sparrow'), true);
});
