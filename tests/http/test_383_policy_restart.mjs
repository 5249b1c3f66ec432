// The published policy outlives restarts, with and without Redis; what cannot be
// loaded is not replaced by something looser.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { sleep, until, useGateway } from './harness.mjs';
import { current, isSentAsItIs, masksEverywhere, publish, wordList }
    from './policy.mjs';

const gw = useGateway({ redis: true,
    server: ['ChatGPTPolicyApproval never', 'ChatGPTStoreTimeout 2s'] },
    async () => {
        gw.expectLog(/CG[0-9]\d{3}.*(?:store|redis)/i, 'CG9032', 'CG9002');
        const made = await publish(gw, wordList('Kestrelry'));
        assert.equal(made.status, 201, made.text);
        await masksEverywhere(gw, 'Kestrelry');
    });

const journal = () => path.join(gw.folder, 'journal');
const file = (name) => path.join(journal(), name);
const inForce = async () => (await gw.admin('GET', '/policy-catalogue'))
    .json?.in_force;
const reached = (version, what = `version ${version}`) => until(async () =>
    (await inForce().catch(() => -1)) === version, { ms: 8000, what });

/** What this server would find, whatever the store does. */
const finds = async (text) => (await gw.admin('POST', '/scan', { text }))
    .json?.entities?.map((one) => one.rule).join();

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
        }
        await until(async () => (await gw.chat('hello')).status === 200,
            { ms: 8000, what: 'Redis again' });
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
    await gw.bare();
    await until(() => gw.chat('hello').then((got) => got.status === 200,
        () => false), { ms: 8000, what: 'httpd' });
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
        await gw.bare();
        await until(() => inForce().catch(() => undefined)
            .then((version) => version === 0), { ms: 8000, what: 'httpd' });
        for (let i = 0; i < 5; i++) {
            const got = await gw.chat('hello');
            assert.equal(got.status, 503, got.text);
            assert.equal(got.error.code, 'policy_unavailable');
            await sleep(50);
        }
        assert.match(gw.log(), /CG9032 .*is damaged/);
        await gw.redis.cli('RENAME', 'aside', 'cg:{policy}:head');
        assert.equal(await gw.redis.cli('HGETALL', 'cg:{policy}:head'), head);
        await gw.redis.cli('PUBLISH', 'cg:policy', 'again');
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
