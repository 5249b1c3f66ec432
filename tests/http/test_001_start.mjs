// make run: what it promises before, while and after it serves (RUN.md).
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { sleep, until, useGateway } from './harness.mjs';

const gw = useGateway();
const sh = promisify(execFile);

const alive = (pid) => {
    try {
        process.kill(pid, 0);
        return true;
    } catch {
        return false;
    }
};

const listens = (port) => new Promise((done) => {
    const probe = net.connect(port, '127.0.0.1');
    probe.once('connect', () => done(true) || probe.destroy());
    probe.once('error', () => done(false));
});

test('ready.json is private and names everything a script needs', () => {
    const file = path.join(gw.folder, 'ready.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const { ready } = gw;
    for (const member of ['api', 'console', 'admin_api', 'metrics', 'api_key',
        'operators', 'httpd_pid', 'redis', 'upstream', 'config', 'error_log'])
        assert.ok(ready[member], member);
    assert.equal(ready.api, `http://127.0.0.1:${gw.port}/v1`);
    for (const role of ['admin', 'compliance', 'viewer']) {
        assert.equal(typeof ready.operators[role].user, 'string');
        assert.ok(ready.operators[role].password.length >= 12, role);
    }
});

test('several children serve', async () => {
    assert.ok((await gw.children()).length >= 3);
});

test('the printed curl line works when pasted', async () => {
    const lines = gw.output.replace(/\\\n\s*/g, ' ').split('\n');
    const line = lines.find((one) => /\bcurl\b.*chat\/completions/.test(one));
    assert.ok(line, `no curl line in:\n${gw.output}`);
    const { stdout } = await sh('/bin/sh', ['-c',
        line.slice(line.indexOf('curl'))], { timeout: 10000 });
    assert.match(stdout, /"chat\.completion|chat\.completion\.chunk/);
    assert.match(gw.output, /\/console\//);
});

test('configtest says that the written configuration is well', async () => {
    const said = await gw.configtest();
    assert.ok(said.ok, said.words);
});

test('the upstream credential is in no file, log or command line', async () => {
    await gw.chat('hello');
    const secret = gw.environment().OPENAI_API_KEY;
    assert.equal(gw.lastHeaders.authorization, `Bearer ${secret}`);
    assert.ok(!gw.log().includes(secret), 'error log');
    assert.ok(!gw.output.includes(secret), 'output');
    const { stdout } = await sh('ps', ['-eo', 'args']);
    assert.ok(!stdout.includes(secret), 'command line');
});

test('a second run in the same folder finds keys and records again',
    async () => {
        const made = await gw.newKey({ name: 'survivor' });
        const before = await gw.chat('remember', { key: made.key });
        assert.equal(before.status, 200);
        const id = before.headers['x-request-id'];
        await gw.record(id);
        await gw.again();
        const after = await gw.chat('still known?', { key: made.key });
        assert.equal(after.status, 200, after.text);
        await gw.record(id);
        await gw.record(after.headers['x-request-id']);
    });

test('graceful restarts cut no stream and refuse no request', async () => {
    const slow = gw.stream('fake:{"gap_ms":60,"repeat":12} words and words');
    await sleep(150);
    const fresh = new http.Agent({ keepAlive: false });
    const refused = [];
    for (let i = 0; i < 3; i++) {
        process.kill(gw.ready.httpd_pid, 'SIGUSR1');
        for (let j = 0; j < 10; j++) {
            const got = await gw.chat(`after ${i}`, { agent: fresh });
            if (got.status !== 200)
                refused.push(got.status);
            await sleep(20);
        }
    }
    const got = await slow;
    assert.deepEqual(refused, []);
    assert.ok(got.whole && got.done, String(got.broken));
});

test('limits are kept over a graceful restart', async () => {
    const made = await gw.newKey({ name: 'counted',
        limits: ['3/60s'] });
    const statuses = [];
    for (let i = 0; i < 4; i++) {
        statuses.push((await gw.chat('x', { key: made.key })).status);
        if (i === 1) {
            process.kill(gw.ready.httpd_pid, 'SIGUSR1');
            await sleep(300);
        }
    }
    assert.deepEqual(statuses, [200, 200, 200, 429]);
});

test('a killed child is replaced and its callers are told nothing false',
    async () => {
        const [victim] = await gw.children();
        gw.expectLog('AH00052');
        process.kill(victim, 'SIGKILL');
        await until(async () => {
            const now = await gw.children();
            return !now.includes(victim) && now.length >= 3;
        }, { ms: 8000, what: 'a new child' });
        for (let i = 0; i < 12; i++)
            assert.equal((await gw.chat('hi')).status, 200);
    });

test('SIGTERM ends all that make run started, and nothing else', async () => {
    const parent = gw.ready.httpd_pid;
    const pids = [parent, ...await gw.children()];
    const store = await gw.store('INFO', 'server');
    pids.push(Number(/process_id:(\d+)/.exec(store)[1]));
    await gw.halt();
    await until(() => pids.every((pid) => !alive(pid)),
        { ms: 5000, what: 'the end of all processes' });
    assert.equal(await listens(gw.port), false);
    assert.equal(await listens(gw.provider.port), true);
    assert.ok(!readFileSync(gw.ready.error_log, 'utf8').includes(
        'still did not exit'));
});
