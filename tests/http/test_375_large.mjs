// Large uploads: what a child takes does not grow with them, and nothing in them is missed.
// SPDX-License-Identifier: Apache-2.0
//
// CG_UPLOAD_MB: megabytes of the text and of the lines (48 by default), and of the
// sound (200).

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';

import { BOUNDARY, typeOf } from './forms.mjs';
import { useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';

const MB = 1 << 20;
const SIZE = Number(process.env.CG_UPLOAD_MB ?? 48);
const gw = useGateway({ policy: ['ChatGPTUnknownModel allow'] });
const head = (filename, purpose) => `--${BOUNDARY}\r\nContent-Disposition: `
    + `form-data; name="purpose"\r\n\r\n${purpose}\r\n--${BOUNDARY}\r\n`
    + `Content-Disposition: form-data; name="file"; filename="${filename}"`
    + '\r\n\r\n';
const TAIL = `\r\n--${BOUNDARY}--\r\n`;

/** Bytes of memory that belong to the children alone, added up. */
async function memory() {
    let bytes = 0;
    for (const pid of await gw.children())
        bytes += 1024 * Number(/RssAnon:\s+(\d+)/.exec(readFileSync(
            `/proc/${pid}/status`, 'utf8'))[1]);
    return bytes;
}

/** Sends count times a block as one file; what was answered, and the most memory. */
function upload(filename, purpose, block, count) {
    return new Promise((done, failed) => {
        let most = 0;
        let over = false;
        const req = http.request(`${gw.api}/files`, { method: 'POST', headers: {
            authorization: `Bearer ${gw.key}`, 'content-type': typeOf(),
            'content-length': head(filename, purpose).length
                + block.length * count + TAIL.length } }, (res) => {
            let text = '';
            res.on('data', (one) => { text += one; });
            res.on('end', () => {
                over = true;
                done({ status: res.statusCode, text, most });
            });
        });
        req.on('error', failed);
        const watch = async () => {
            most = Math.max(most, await memory());
            if (!over)
                setTimeout(watch, 50);
        };
        watch();
        (async () => {
            req.write(head(filename, purpose));
            for (let i = 0; i < count; i++)
                if (!req.write(block))
                    await new Promise((go) => { req.once('drain', go); });
            req.end(TAIL);
        })();
    });
}

async function run(filename, purpose, block, megabytes, want) {
    const { state } = gw.provider;
    const count = Math.ceil(megabytes * MB / block.length);
    state.sinks = true;
    gw.forget();
    const before = await memory();
    const got = await upload(filename, purpose, block, count);
    state.sinks = false;
    assert.equal(got.status, 200, got.text);
    const { sunk } = gw.reached[0].body;
    const hash = createHash('sha256').update(head(filename, purpose));
    let size = head(filename, purpose).length + TAIL.length;
    for (let i = 0; i < count; i++) {
        hash.update(want);
        size += want.length;
    }
    assert.equal(sunk.size, size);
    assert.equal(sunk.sha256, hash.update(TAIL).digest('hex'));
    const grown = got.most - before;
    assert.ok(grown < 40 * MB, `${Math.round(grown / MB)} MB more`);
    return grown;
}

const CARD = SAMPLES.CREDIT_CARD;

test('a text of many megabytes is masked to its end in bounded memory', async () => {
    const words = 'The quick brown fox jumps over the lazy dog, says the book. '
        .repeat(1000);
    const block = Buffer.from(`${words}\nHer card is ${CARD}.\n`);
    await run('long.txt', 'user_data', block, SIZE,
        Buffer.from(String(block).replace(CARD, '[CREDIT_CARD]')));
});

test('lines of JSON by the hundred thousand are masked each in bounded memory', async () => {
    const line = (content) => `${JSON.stringify({ custom_id: 'a', method: 'POST',
        url: '/v1/chat/completions', body: { model: 'gpt-4o', messages: [{
            role: 'user', content }] } })}\n`;
    const block = line('What is the capital of France?').repeat(500)
        + line(`Pay with ${CARD}`);
    await run('lines.jsonl', 'batch', Buffer.from(block), SIZE,
        Buffer.from(block.replace(CARD, '[CREDIT_CARD]')));
});

test('sound of 200 MB passes as it is in bounded memory', async () => {
    const block = Buffer.alloc(MB, Buffer.from([0, 1, 2, 3, 13, 10, 45, 45, 7]));
    await run('long.wav', 'user_data', block, 200, block);
});
