// Uploads on disk: another attempt sends the same, nothing stays behind, no room is said clearly.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { chmod, mkdir, readdir, rename } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { form, post, reachedForm, typeOf } from './forms.mjs';
import { sleep, until, useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';

const SPOOL = '/tmp';
const CARD = SAMPLES.CREDIT_CARD;
const gw = useGateway({ policy: ['ChatGPTUnknownModel allow',
    'ChatGPTBodyTimeout 2s', 'ChatGPTRetries 2'] });
gw.expectLog('CG3013', 'CG3014', 'CG5001', /AH01102/, /AH01110/, /AH01095/,
    /AH10411/);

const big = (megabytes) => `card ${CARD}\n${
    'some words of a long letter that nobody has to read to its end\n'
        .repeat(megabytes << 14)}`;
const upload = (data) => post(gw, '/files', [
    { name: 'purpose', data: 'user_data' },
    { name: 'file', filename: 'long.txt', data }]);

/** Names of the files without a name that a child holds open. */
async function held() {
    const found = [];
    for (const pid of await gw.children())
        for (const fd of readdirSync(`/proc/${pid}/fd`))
            try {
                const to = readlinkSync(`/proc/${pid}/fd/${fd}`);
                if (/chatgpt-\w{6} \(deleted\)$/.test(to))
                    found.push(to);
            } catch {
                // closed meanwhile
            }
    return found;
}

const nothingHeld = () => until(async () => (await held()).length === 0,
    { what: 'spills to be closed' });

test('an upload on disk is sent anew to the next attempt, byte for byte the same', async () => {
    const text = big(4);
    gw.forget();
    gw.script({ status: 500 }, { end: 'reset' });
    const got = await upload(text);
    assert.equal(got.status, 200, got.text);
    const [first, , third] = gw.reached;
    assert.equal(gw.reached.length, 3);
    assert.ok(third.body.equals(first.body));
    assert.equal(reachedForm(gw).file.data.toString(),
        text.replace(CARD, '[CREDIT_CARD]'));
    assert.equal(Number(gw.lastHeaders['content-length']), third.body.length);
    await nothingHeld();
});

test('while it is sent the file has no name, and nobody else can read it', async () => {
    gw.forget();
    gw.script({ wait_ms: 700 });
    const before = new Set(await readdir(SPOOL));
    const going = upload(big(2));
    const open = await until(async () => {
        const all = await held();
        return all.length > 0 && all;
    }, { every: 10, what: 'a spill' });
    assert.equal(open.length, 1);
    assert.deepEqual((await readdir(SPOOL)).filter((one) =>
        /^chatgpt-\w{6}$/.test(one) && !before.has(one)), []);
    assert.equal((await going).status, 200);
    await nothingHeld();
});

test('a caller who leaves half way leaves nothing behind', async () => {
    gw.forget();
    const body = form([{ name: 'file', filename: 'a.txt', data: big(3) }]);
    const socket = net.connect(gw.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(['POST /v1/files HTTP/1.1', `Host: 127.0.0.1:${gw.port}`,
        `Authorization: Bearer ${gw.key}`, `Content-Type: ${typeOf()}`,
        `Content-Length: ${body.length}`, '', ''].join('\r\n'));
    socket.write(body.subarray(0, 2 << 20));
    await until(async () => (await held()).length > 0, { every: 10,
        what: 'a spill' });
    socket.destroy();
    await nothingHeld();
    assert.equal(gw.reached.length, 0);
});

test('who sends nothing more is given no longer; who sends slowly is', async () => {
    gw.forget();
    const body = form([{ name: 'purpose', data: 'user_data' },
        { name: 'file', filename: 'a.txt', data: 'words '.repeat(70000) }]);
    const head = ['POST /v1/files HTTP/1.1', `Host: 127.0.0.1:${gw.port}`,
        `Authorization: Bearer ${gw.key}`, `Content-Type: ${typeOf()}`,
        `Content-Length: ${body.length}`, 'Connection: close', '', '']
        .join('\r\n');
    const send = (pieces, pause) => new Promise((done) => {
        const socket = net.connect(gw.port, '127.0.0.1');
        let text = '';
        socket.on('data', (one) => { text += one; });
        socket.on('error', () => {});
        socket.on('close', () => done(text));
        socket.write(head);
        (async () => {
            for (const one of pieces) {
                socket.write(one);
                await sleep(pause);
            }
        })();
    });
    const [slow, silent] = await Promise.all([
        send([0, 1, 2, 3, 4].map((i) => body.subarray(i * (body.length / 5 | 0),
            i === 4 ? body.length : (i + 1) * (body.length / 5 | 0))), 700),
        send([body.subarray(0, 1000)], 10)]);
    assert.match(slow, /^HTTP\/1\.1 200/);
    assert.match(silent, /^HTTP\/1\.1 408/);
    assert.equal(gw.reached.length, 1);
});

test('a folder that is not there is a clear 503, and short forms go on', async () => {
    const folder = path.join(gw.folder, 'spool');
    await mkdir(folder);
    await chmod(folder, 0o777);
    await chmod(gw.folder, 0o755);
    await gw.rewrite({ server: [`ChatGPTUploadFolder ${folder}`] });
    assert.equal((await upload(big(1))).status, 200);
    await rename(folder, `${folder}.gone`);
    gw.forget();
    const got = await upload(big(1));
    assert.equal(got.status, 503, got.text);
    assert.equal(got.error.code, 'upload_storage_unavailable');
    assert.ok(!got.text.includes(folder));
    assert.equal(gw.reached.length, 0);
    assert.match(gw.log(), /CG3014 cannot keep an upload in .*spool: /);
    assert.equal((await upload('short')).status, 200);
    await rename(`${folder}.gone`, folder);
    assert.equal((await upload(big(1))).status, 200);
    assert.deepEqual(await readdir(folder), []);
});

test('who is over a limit is told before the upload is read, and it is not kept', async () => {
    await gw.rewrite({ policy: ['ChatGPTUnknownModel allow',
        'ChatGPTLimit key 1/60s'] });
    assert.equal((await upload('the one')).status, 200);
    gw.forget();
    const answer = await new Promise((done) => {
        const socket = net.connect(gw.port, '127.0.0.1');
        let text = '';
        socket.on('data', (one) => { text += one; });
        socket.on('error', () => {});
        socket.on('close', () => done(text));
        socket.write(['POST /v1/files HTTP/1.1', `Host: 127.0.0.1:${gw.port}`,
            `Authorization: Bearer ${gw.key}`, `Content-Type: ${typeOf()}`,
            'Content-Length: 300000000', 'Expect: 100-continue', '', '']
            .join('\r\n'));
    });
    assert.match(answer, /^HTTP\/1\.1 429/);
    assert.match(answer, /\r\nretry-after: [1-9]/i);
    assert.match(answer, /"rate_limit_exceeded"/);
    const got = await upload(big(8));
    assert.equal(got.status, 429, got.text);
    assert.equal(gw.reached.length, 0);
    await nothingHeld();
});
