// The master key is changed under running servers, broken off, and done again.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { ROOT } from './launch.mjs';
import { sleep, until, useGateway } from './harness.mjs';

const RECORDS = 120;
const key = `sk-${randomBytes(18).toString('hex')}`;
const gw = useGateway({ redis: true, server: ['ChatGPTUpstream vault ${UPSTREAM}/v1 stored:main'],
    policy: ['ChatGPTRoute vault', 'ChatGPTRetries 0'] }, prepare);

const file = () => path.join(gw.folder, 'seal.key');
const lines = () => readFileSync(file(), 'utf8').trim().split('\n');

function write(keys) {
    chmodSync(file(), 0o600);
    writeFileSync(file(), `${keys.join('\n')}\n`);
    chmodSync(file(), 0o400);
}

async function reload() {
    const before = await gw.children();
    process.kill(gw.ready.httpd_pid, 'SIGUSR1');
    await until(async () => !(await gw.children()).some((pid) => before.includes(pid)),
        { ms: 8000, what: 'a new generation' });
}

async function prepare() {
    gw.expectLog('CG9041', 'CG5001');
    const set = (name, input) => gw.ctl(['credential', 'set', name], { input });
    assert.equal((await set('main', key)).code, 0);
    for (let i = 0; i < RECORDS; i += 20)
        await Promise.all(Array.from({ length: 20 }, (_, j) => set(`n${i + j}`, `secret-${i + j}`)));
}

const status = async () => Object.fromEntries((await gw.ctl(['seal', 'status'])).lines
    .map((one) => [one.state, one]));

async function serves() {
    gw.forget();
    assert.equal((await gw.chat('hello')).status, 200);
    assert.equal(gw.lastHeaders.authorization, `Bearer ${key}`);
}

test('status tells which master key the records need', async () => {
    const { current, ...others } = await status();
    assert.equal(current.records, RECORDS + 1);
    assert.deepEqual(others, {});
});

test('a new key is made, put first, and the old one still opens everything', async () => {
    const made = await gw.ctl(['seal', 'new-key']);
    assert.match(made.stdout, /^[A-Za-z0-9_-]{43}\n$/);
    write([made.stdout.trim(), ...lines()]);
    await reload();
    await serves();
    const { current, old } = await status();
    assert.equal(current.records, 0);
    assert.equal(old.records, RECORDS + 1);
});

test('a rotation that is killed in the middle loses nothing, and the next one ends it',
    async () => {
        const tool = process.env.CG_CTL ?? path.join(ROOT, 'build', 'chatgptctl');
        for (let i = 0; i < 6; i += 1) {
            const child = spawn(tool, ['seal', 'rotate'], { stdio: 'ignore',
                env: { ...process.env, RUN_DIR: gw.folder } });
            const gone = new Promise((done) => child.once('exit', done));
            await sleep(3 + 2 * i);
            child.kill('SIGKILL');
            await gone;
            const { current, old } = await status();
            assert.equal(current.records + (old?.records ?? 0), RECORDS + 1);
        }
        await serves();
        const done = await gw.ctl(['seal', 'rotate']);
        assert.equal(done.code, 0, done.stderr);
        assert.equal(done.lines[0].failed, 0);
        const { current, old } = await status();
        assert.equal(current.records, RECORDS + 1);
        assert.equal(old.records, 0);
        const again = await gw.ctl(['seal', 'rotate']);
        assert.equal(again.lines[0].rewrapped, 0);
        await serves();
    });

test('two rotations at once, writers and callers beside them: nothing is lost or refused',
    async () => {
        write([(await gw.ctl(['seal', 'new-key'])).stdout.trim(), ...lines()]);
        await reload();
        let isEnded = false;
        const callers = (async () => {
            while (!isEnded)
                await serves();
        })();
        const rotations = ['a', 'b'].map(() => gw.ctl(['seal', 'rotate']));
        for (let i = 0; i < 10; i += 1)
            assert.equal((await gw.ctl(['credential', 'set', `n${i}`],
                { input: `changed-${i}` })).code, 0);
        for (const one of await Promise.all(rotations))
            assert.equal(one.lines[0].failed, 0);
        isEnded = true;
        await callers;
        const { items } = (await gw.admin('GET', '/credentials?limit=500')).json;
        assert.equal(items.length, RECORDS + 1);
        assert.ok(items.every((one) => one.state === 'ok'));
        assert.equal((await status()).current.records, RECORDS + 1);
    });

test('with the old keys gone all still opens; without the current one the tool says what is missing',
    async () => {
        const [current] = lines();
        write([current]);
        await reload();
        await serves();
        const other = (await gw.ctl(['seal', 'new-key'])).stdout.trim();
        const env = { CHATGPT_SEAL_KEY: 'env:CG_TEST_OTHER', CG_TEST_OTHER: other };
        const said = await gw.ctl(['seal', 'status'], { env });
        assert.equal(said.code, 1);
        assert.equal(said.lines.find((one) => one.state === 'missing').records, RECORDS + 1);
        const turned = await gw.ctl(['seal', 'rotate'], { env });
        assert.equal(turned.code, 1);
        assert.equal(turned.lines[0].failed, RECORDS + 1);
        await serves();
    });
