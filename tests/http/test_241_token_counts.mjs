// Tokens are counted before an answer and, where the provider says no usage, after it.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { MODEL, until, useGateway } from './harness.mjs';

const gw = useGateway();

/** Hello · , · wonderful · world · ! and two of Chinese, in o200k_base. */
const SAID = 'Hello, wonderful world! 你好';

async function tool(lines, ...words) {
    const got = await gw.ctl(['tokens', ...words], { input: lines.map((line) => JSON.stringify(line)).join('\n') });
    assert.equal(got.code, 0, got.stderr);
    return got.lines;
}

const countOf = async (text) => (await tool([{ id: 1, text }], '--model', MODEL))[0].count;

test('the tool counts texts and bodies as the gateway does', async () => {
    const body = JSON.stringify({ model: 'gpt-3.5-turbo', messages: [{ role: 'user', content: 'hello world' }] });
    assert.deepEqual(await tool([{ id: 'a', text: 'hello world' }, { id: 'b', text: '' }, { id: 'c', text: 'x\u0000y' },
        { id: 'd', text: '\ud800' }], '--encoding', 'cl100k_base', '--ids'),
    [{ id: 'a', count: 2, ids: [15339, 1917] }, { id: 'b', count: 0, ids: [] },
        { id: 'c', count: 3, ids: [87, 188, 88] }, { id: 'd', count: 1, ids: [5809] }]);
    assert.deepEqual(await tool([{ id: 2, body }]), [{ id: 2, count: 9 }]);
    assert.deepEqual(await tool([{ id: 3, body: body.replace('gpt-3.5-turbo', 'llama-3.3') }]),
        [{ id: 3, count: 12, estimate: true }]);
    assert.equal((await gw.ctl(['tokens', '--encoding', 'gpt2'])).code, 2);
    assert.equal((await gw.ctl(['tokens'], { input: '{"id":1}\n' })).code, 1);
});

test('an answer without usage is billed by our own count', async () => {
    gw.script({ say: SAID, usage: false });
    const got = await gw.chat('hello world');
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.tokens_from, 'counted');
    assert.equal(record.output_tokens, await countOf(SAID));
    assert.equal(record.output_tokens, 7);
    const asked = { model: MODEL, messages: [{ role: 'user', content: 'hello world' }] };
    const [{ count }] = await tool([{ id: 1, body: JSON.stringify(asked) }]);
    assert.equal(record.input_tokens, count);
});

test('a stream without usage is billed by our own count', async () => {
    gw.script({ say: SAID, usage: false });
    const got = await gw.stream('hello world');
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.tokens_from, 'counted');
    assert.equal(record.output_tokens, 7);
});

test('who leaves inside a stream is charged what came until then', async () => {
    gw.script({ say: 'word '.repeat(40), gaps: [0, 5, 5, 5, 5, 5], gap_ms: 5000 });
    const body = JSON.stringify({ model: MODEL, stream: true, messages: [{ role: 'user', content: 'x' }] });
    const socket = net.connect(gw.port, '127.0.0.1');
    let text = '';
    socket.on('data', (part) => { text += part; });
    socket.on('error', () => {});
    socket.write(['POST /v1/chat/completions HTTP/1.1', `Host: 127.0.0.1:${gw.port}`, `Authorization: Bearer ${gw.key}`,
        'Content-Type: application/json', `Content-Length: ${body.length}`, '', body].join('\r\n'));
    await until(() => text.includes('word'), { what: 'a word' });
    await new Promise((done) => setTimeout(done, 150));
    const words = (text.match(/"content":"[^"]+"/g) ?? []).length;
    const id = /^x-request-id: (\S+)/im.exec(text)?.[1];
    socket.destroy();
    const record = await gw.record(id);
    assert.equal(record.decision, 'aborted');
    assert.equal(record.tokens_from, 'counted');
    // A word may be held back for the scanner, but it came; and the last blank is a token.
    assert.ok(record.output_tokens >= words && record.output_tokens <= words + 2, `${record.output_tokens} of ${words}`);
});

test('what the provider says is believed', async () => {
    gw.script({ say: SAID, usage: { input: 1000, output: 77 } });
    const got = await gw.chat('hello world');
    const record = await gw.record(got.headers['x-request-id']);
    assert.deepEqual([record.tokens_from, record.input_tokens, record.output_tokens], ['provider', 1000, 77]);
});

test('a hold is exact: what is asked for fits to the token, one more does not', async () => {
    const content = 'hello world '.repeat(50);
    const [{ count }] = await tool([{ id: 1, body: JSON.stringify({ model: MODEL, messages: [{ role: 'user', content }] }) }]);
    const { key } = await gw.newKey({ name: 'exact', limits: [`${count + 10}tokens/1h exact`] });
    const long = await gw.chat(content, { key, body: { max_tokens: 11 } });
    assert.equal(long.status, 429, long.text);
    const right = await gw.chat(content, { key, body: { max_tokens: 10 } });
    assert.equal(right.status, 200, right.text);
});

test('without vocabularies the start is refused where tokens are limited', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'cg-no-tokens-'));
    const limited = await gw.configtest([`ChatGPTTokens "${folder}"`, '<Location "/trial/">',
        'ChatGPTLimit key 1000tokens/60s', '</Location>']);
    assert.equal(limited.ok, false, 'httpd -t accepted it');
    assert.match(limited.words, /ChatGPTTokens/);
    assert.match(limited.words, /cl100k_base\.tokens/);
    const free = await gw.configtest([`ChatGPTTokens "${folder}"`]);
    assert.equal(free.ok, true, free.words);
    assert.match(free.words, /CG9016/);
    rmSync(folder, { recursive: true });
});
