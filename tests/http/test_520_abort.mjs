// A caller who leaves stops the upstream at once, before and inside an answer.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';

import { MODEL, sleep, until, useGateway } from './harness.mjs';

const gw = useGateway();

const left = () => gw.provider.state.memory.left;

/** Opens a stream over a bare socket, so that leaving is ours to time. */
function caller(content) {
    const body = JSON.stringify({ model: MODEL, stream: true,
        messages: [{ role: 'user', content }] });
    const socket = net.connect(gw.port, '127.0.0.1');
    let text = '';
    socket.on('data', (part) => { text += part; });
    socket.on('error', () => {});
    socket.write([`POST /v1/chat/completions HTTP/1.1`,
        `Host: 127.0.0.1:${gw.port}`, `Authorization: Bearer ${gw.key}`,
        'Content-Type: application/json', `Content-Length: ${body.length}`,
        '', body].join('\r\n'));
    return { socket, read: () => text,
        id: () => /^x-request-id: (\S+)/im.exec(text)?.[1] };
}

async function stopsWithin(ms, leave) {
    const at = Date.now();
    leave();
    await until(() => left().length > 0, { ms: 4000, every: 2,
        what: 'the upstream to be left' });
    const took = left()[0].at - at;
    assert.ok(took <= ms, `after ${took} ms`);
}

for (const [how, leave] of Object.entries({
    closes: (one) => one.destroy(), resets: (one) => one.resetAndDestroy() }))
    test(`who ${how} inside a stream stops the upstream`, async () => {
        gw.forget();
        gw.script({ say: 'word '.repeat(400), gap_ms: 3000, gaps: [0, 5, 5,
            5] });
        const one = caller('x');
        await until(() => one.read().includes('word'), { what: 'a word' });
        await stopsWithin(300, () => leave(one.socket));
    });

test('who leaves before the first byte stops the upstream', async () => {
    gw.forget();
    gw.script({ wait_ms: 5000 });
    const one = caller('x');
    await until(() => gw.reached.length === 1, { what: 'the upstream' });
    await sleep(100);
    await stopsWithin(300, () => one.socket.destroy());
});

test('who leaves an answer that is no stream stops the upstream',
    async () => {
        gw.forget();
        gw.script({ wait_ms: 5000 });
        const { req } = { req: gw.chat('x', { ms: 400 }) };
        await assert.rejects(req, /nothing for 400 ms/);
        await until(() => left().length === 1, { ms: 2000,
            what: 'the upstream to be left' });
        assert.ok(left()[0].after_ms < 1200, String(left()[0].after_ms));
    });

test('what was used is billed and recorded', async () => {
    gw.forget();
    gw.script({ say: 'word '.repeat(400), gap_ms: 20 });
    const one = caller('x');
    await until(() => (one.read().match(/word/g) ?? []).length > 10,
        { what: 'some words' });
    const id = one.id();
    one.socket.destroy();
    const record = await gw.record(id);
    assert.equal(record.decision, 'aborted');
    const { output_tokens: out } = record;
    assert.ok(out >= 5 && out < 600, `${out} tokens out`);
    assert.ok(record.cost_micros > 0);
    assert.match(record.answer, /^word word/);
});

test('forty callers leave at once and nobody else notices', async () => {
    gw.forget();
    gw.script({ say: 'word '.repeat(400), gap_ms: 50, times: 40 });
    const all = Array.from({ length: 40 }, () => caller('x'));
    await until(() => all.every((one) => one.read().includes('word')),
        { ms: 8000, what: 'forty streams' });
    all.forEach((one) => one.socket.destroy());
    await until(() => left().length === 40, { ms: 3000,
        what: 'forty upstreams left' });
    assert.equal((await gw.chat('still here')).status, 200);
});
