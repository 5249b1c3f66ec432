// How a body may arrive: too large, slow, in chunks, expected, packed, old.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';

import { MODEL, sleep, useGateway } from './harness.mjs';
import { raw } from './wire.mjs';

const gw = useGateway({ policy: ['ChatGPTBodyLimit 1M',
    'ChatGPTBodyTimeout 3s', 'ChatGPTRedact * mask'] });
const BODY = JSON.stringify({ model: MODEL, messages: [{ role: 'user',
    content: 'small' }] });

const head = (lines, version = '1.1') => [
    `POST /v1/chat/completions HTTP/${version}`, `Host: 127.0.0.1:${gw.port}`,
    `Authorization: Bearer ${gw.key}`, 'Content-Type: application/json',
    ...lines, '', ''].join('\r\n');

const bodyOfSize = (size) => {
    const frame = JSON.stringify({ model: MODEL, messages: [{ role: 'user',
        content: '' }] });
    return frame.replace('""', `"${'a '.repeat((size - frame.length) / 2)}"`);
};

test('a body just under the limit is served', async () => {
    const got = await gw.call('/chat/completions', { body:
        bodyOfSize((1 << 20) - 16) });
    assert.equal(got.status, 200, got.text.slice(0, 200));
});

/** Sends all, then reads: a reset would lose the answer. */
function sendAllThenRead(bytes, limit = 20000) {
    return new Promise((done) => {
        const socket = net.connect(gw.port, '127.0.0.1');
        let text = '';
        let reset = null;
        const timer = setTimeout(() => socket.destroy(), limit);
        socket.on('data', (part) => { text += part.toString('latin1'); });
        socket.on('error', (error) => { reset = error.code; });
        socket.on('close', () => {
            clearTimeout(timer);
            done({ text, reset });
        });
        socket.write(bytes, () => socket.end());
    });
}

for (const [what, size] of [['twice', 2 << 20], ['eight times', 8 << 20]])
    test(`a body of ${what} the limit reads a 413, not a reset`, async () => {
        gw.forget();
        const body = bodyOfSize(size);
        const got = await sendAllThenRead(head([`Content-Length: ${
            Buffer.byteLength(body)}`]) + body);
        assert.match(got.text, /^HTTP\/1\.1 413/, JSON.stringify(got)
            .slice(0, 300));
        assert.match(got.text, /"code":\s*"request_too_large"/);
        assert.equal(got.reset, null);
        assert.equal(gw.reached.length, 0);
    });

test('a chunked body over the limit reads a 413 as well', async () => {
    gw.forget();
    const piece = `10000\r\n${'a'.repeat(65536)}\r\n`;
    const got = await sendAllThenRead(`${head(['Transfer-Encoding: chunked'])
    }${piece.repeat(40)}0\r\n\r\n`);
    assert.match(got.text, /^HTTP\/1\.1 413/, JSON.stringify(got)
        .slice(0, 300));
    assert.equal(gw.reached.length, 0);
});

test('too much is refused before it is sent when the caller waits',
    async () => {
        const got = await raw(gw.port, head(['Content-Length: 90000000',
            'Expect: 100-continue']));
        assert.deepEqual(got.statuses, [413]);
    });

test('node, fetch and curl read the 413', async () => {
    const body = bodyOfSize(4 << 20);
    const agent = new http.Agent({ keepAlive: true });
    for (let i = 0; i < 3; i++) {
        const got = await gw.call('/chat/completions', { body, agent });
        assert.equal(got.status, 413);
        assert.equal(got.error.code, 'request_too_large');
    }
    const fetched = await fetch(`${gw.api}/chat/completions`, { body,
        method: 'POST', headers: gw.headers() });
    assert.equal(fetched.status, 413);
    assert.equal((await fetched.json()).error.code, 'request_too_large');
    agent.destroy();
});

test('Expect: 100-continue is answered before the body is sent', async () => {
    const socket = net.connect(gw.port, '127.0.0.1');
    const seen = [];
    socket.on('data', (part) => seen.push(part.toString('latin1')));
    socket.write(head([`Content-Length: ${BODY.length}`,
        'Expect: 100-continue', 'Connection: close']));
    await sleep(500);
    assert.match(seen.join(''), /^HTTP\/1\.1 100 /);
    socket.write(BODY);
    await new Promise((done) => socket.once('close', done));
    assert.match(seen.join(''), /HTTP\/1\.1 200 /);
});

test('a bad key is refused before any body is asked for', async () => {
    const got = await raw(gw.port, head(['Content-Length: 500',
        'Expect: 100-continue']).replace(gw.key, 'sk-nobody'));
    assert.deepEqual(got.statuses, [401]);
});

test('a chunked body arrives whole, with a length', async () => {
    gw.forget();
    const cut = [3, 20, 41];
    const parts = [BODY.slice(0, 3), BODY.slice(3, 20), BODY.slice(20)];
    assert.ok(cut.every(Boolean));
    const chunks = parts.map((one) =>
        `${one.length.toString(16)}\r\n${one}\r\n`);
    const got = await raw(gw.port, [head(['Transfer-Encoding: chunked']),
        ...chunks, '0\r\n\r\n'], { pauses: 30 });
    assert.deepEqual(got.statuses, [200]);
    assert.equal(gw.lastBody, BODY);
    assert.equal(gw.lastHeaders['content-length'], String(BODY.length));
});

test('HTTP/1.0 is served, kept or closed as asked', async () => {
    gw.forget();
    const got = await raw(gw.port, `${head([`Content-Length: ${BODY.length}`],
        '1.0')}${BODY}`);
    assert.equal(got.statuses[0], 200);
    assert.ok(!/transfer-encoding: chunked/i.test(got.text), got.text);
    assert.equal(gw.reached.length, 1);
});

test('HTTP/1.0 may have a stream, ended by the close', async () => {
    const body = BODY.replace('{', '{"stream":true,');
    const got = await raw(gw.port, `${head([`Content-Length: ${body.length}`],
        '1.0')}${body}`);
    assert.match(got.text, /data: \[DONE\]\n\n$/);
    assert.ok(!/transfer-encoding: chunked/i.test(got.text));
});

test('a body that stops half way is 400 or 408 in time, not forwarded',
    async () => {
        gw.forget();
        const at = performance.now();
        const got = await raw(gw.port, `${head(['Content-Length: 500'])}{"mo`,
            { ms: 15000, quiet: 14000 });
        const ms = performance.now() - at;
        assert.ok([400, 408].includes(got.statuses[0]), got.text);
        assert.ok(ms > 1000 && ms < 12000, `${ms} ms`);
        assert.match(got.text, /"error"/);
        assert.equal(gw.reached.length, 0);
    });

test('a body that drips is cut off by time, not by patience', async () => {
    gw.forget();
    const at = performance.now();
    const drips = Array.from({ length: 60 }, () => ' ');
    const got = await raw(gw.port, [head(['Content-Length: 5000']),
        ...drips], { pauses: 200, ms: 15000, quiet: 14000 });
    assert.ok([400, 408].includes(got.statuses[0]), got.text);
    assert.ok(performance.now() - at < 10000);
    assert.equal(gw.reached.length, 0);
});

test('a body that drips fast enough is served', async () => {
    const parts = BODY.match(/.{1,6}/gs);
    const got = await raw(gw.port, [head([`Content-Length: ${
        BODY.length}`]), ...parts], { pauses: 40, quiet: 1500 });
    assert.deepEqual(got.statuses, [200]);
});

test('slow callers do not keep others waiting', async () => {
    const slow = Array.from({ length: 30 }, () => raw(gw.port,
        head(['Content-Length: 5000']), { ms: 4000, quiet: 3900 }));
    await sleep(200);
    for (let i = 0; i < 10; i++) {
        const got = await gw.chat('quick');
        assert.equal(got.status, 200);
        assert.ok(got.ms < 1000, `${got.ms} ms`);
    }
    await Promise.all(slow);
});

test('a caller who leaves inside the body reaches nobody', async () => {
    gw.forget();
    const socket = net.connect(gw.port, '127.0.0.1');
    socket.write(`${head(['Content-Length: 500'])}{"mo`);
    await sleep(200);
    socket.destroy();
    await sleep(300);
    assert.equal(gw.reached.length, 0);
});

const PACKED = { gzip: gzipSync(BODY), deflate: deflateSync(BODY),
    'gzip, gzip': gzipSync(gzipSync(BODY)), br: Buffer.from(BODY),
    'x-unknown': Buffer.from(BODY),
    'gzip ': gzipSync(Buffer.alloc(50 << 20, 32)) };
for (const [coding, body] of Object.entries(PACKED))
    test(`a body packed as ${JSON.stringify(coding)} is refused`,
        async () => {
            gw.forget();
            const got = await gw.call('/chat/completions', { body,
                headers: { 'content-encoding': coding.trim() } });
            assert.ok([400, 415].includes(got.status), String(got.status));
            assert.ok(got.error);
            assert.equal(gw.reached.length, 0);
        });

for (const type of ['text/plain', 'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x', 'application/xml', 'garbage'])
    test(`a body of type ${type} is never forwarded unexamined`, async () => {
        gw.forget();
        const got = await gw.call('/chat/completions', { headers: {
            'content-type': type }, body: BODY.replace('small',
            'ssn 536-22-8726') });
        assert.ok([200, 400, 415].includes(got.status), String(got.status));
        if (got.status === 200)
            assert.ok(!gw.lastBody.includes('536-22-8726'));
    });

test('JSON with a charset of UTF-8 is welcome', async () => {
    for (const type of ['application/json; charset=utf-8',
        'application/json;charset="UTF-8"', 'APPLICATION/JSON']) {
        const got = await gw.call('/chat/completions', { body: BODY,
            headers: { 'content-type': type } });
        assert.equal(got.status, 200, `${type}: ${got.text}`);
    }
});

test('no body at all is 400', async () => {
    for (const headers of [{ 'content-length': '0' }, {}]) {
        const got = await gw.call('/chat/completions', { method: 'POST',
            headers });
        assert.ok([400, 411].includes(got.status), String(got.status));
        assert.ok(got.error);
    }
});
