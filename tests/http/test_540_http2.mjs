// The same promises over HTTP/2: streams, refusals, a caller who leaves.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { after, test } from 'node:test';

import { form, reachedForm, typeOf } from './forms.mjs';
import { MODEL, until, useGateway } from './harness.mjs';
import { Events, heard } from './wire.mjs';

let session;
const gw = useGateway({ policy: ['ChatGPTBodyLimit 1M',
    'ChatGPTRedact * mask'], server: [
    'LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so',
    'Protocols h2c http/1.1'] }, () => {
    session = http2.connect(`http://127.0.0.1:${gw.port}`);
    session.on('error', () => {});
});
after(() => session?.destroy());

function open(body, more = {}) {
    const bytes = typeof body === 'string' ? body : JSON.stringify({
        model: MODEL, ...body });
    const stream = session.request({ ':method': 'POST',
        ':path': '/v1/chat/completions', 'content-type': 'application/json',
        authorization: `Bearer ${gw.key}`, ...more });
    stream.end(bytes);
    stream.setTimeout(10000, () => stream.close(
        http2.constants.NGHTTP2_CANCEL));
    return stream;
}

function whole(stream) {
    return new Promise((done, failed) => {
        const got = { text: '', events: [] };
        const events = new Events();
        stream.on('response', (headers) => {
            got.status = headers[':status'];
            got.headers = headers;
        });
        stream.on('data', (part) => {
            got.text += part;
            got.events.push(...events.feed(part));
        });
        stream.on('error', failed);
        stream.on('close', () => done(got));
    });
}

const says = (content, more = {}) => ({ messages: [{ role: 'user',
    content }], ...more });

test('a chat', async () => {
    const got = await whole(open(says('hello')));
    assert.equal(got.status, 200, got.text);
    assert.equal(JSON.parse(got.text).choices[0].message.content,
        'You said: hello');
});

test('a stream, masked', async () => {
    gw.script({ say: 'it is 536-22-8726 now', chunk: 3 });
    const got = await whole(open(says('x', { stream: true })));
    const { text, done } = heard(got);
    assert.equal(text, 'it is [US_SSN] now');
    assert.ok(done);
});

test('an upload larger than what is held in memory, masked', async () => {
    const words = 'some words of a letter that nobody reads\n'.repeat(20000);
    const stream = session.request({ ':method': 'POST', ':path': '/v1/files',
        'content-type': typeOf(), authorization: `Bearer ${gw.key}` });
    stream.end(form([{ name: 'purpose', data: 'user_data' }, { name: 'file',
        filename: 'a.txt', data: `${words}ssn 536-22-8726\n${words}` }]));
    const got = await whole(stream);
    assert.equal(got.status, 200, got.text);
    assert.equal(reachedForm(gw).file.data.toString(),
        `${words}ssn [US_SSN]\n${words}`);
});

test('thirty requests at once over one connection', async () => {
    const all = await Promise.all(Array.from({ length: 30 }, (_, i) =>
        whole(open(says(`say: number ${i}`)))));
    all.forEach((got, i) => assert.equal(
        JSON.parse(got.text).choices[0].message.content, `number ${i}`));
});

test('a bad key is 401 in the right shape', async () => {
    const got = await whole(open(says('x'), { authorization:
        'Bearer sk-nobody' }));
    assert.equal(got.status, 401);
    assert.equal(JSON.parse(got.text).error.code, 'invalid_api_key');
});

test('a body over the limit reads its 413', async () => {
    gw.forget();
    const got = await whole(open(says('a'.repeat(3 << 20))));
    assert.equal(got.status, 413, got.text);
    assert.equal(JSON.parse(got.text).error.code, 'request_too_large');
    assert.equal(gw.reached.length, 0);
});

for (const [when, plan] of Object.entries({
    'inside a stream': { say: 'word '.repeat(200), gap_ms: 3000,
        gaps: [0, 5, 5, 5] },
    'before the first byte': { wait_ms: 5000 } }))
    test(`who leaves ${when} stops the upstream`, async () => {
        gw.forget();
        gw.script(plan);
        const stream = open(says('x', { stream: true }));
        stream.on('error', () => {});
        await until(() => gw.reached.length === 1);
        await new Promise((done) => setTimeout(done, 300));
        const at = Date.now();
        stream.close(http2.constants.NGHTTP2_CANCEL);
        const [left] = await until(() =>
            gw.provider.state.memory.left.length
                && gw.provider.state.memory.left, { ms: 4000,
            what: 'the upstream to be left' });
        assert.ok(left.at - at < 600, `after ${left.at - at} ms`);
    });

test('the connection is as good as new', async () => {
    const got = await whole(open(says('still there?')));
    assert.equal(got.status, 200);
});
