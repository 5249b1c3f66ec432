// An upstream behind TLS: its certificate is checked, and all else is the same.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { MODEL, until, useGateway } from './harness.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'cg-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A certificate of its own authority, for a name, fresh for each run. */
function certificate(name) {
    const file = (kind) => path.join(folder, `${name}.${kind}`);
    execFileSync('openssl', ['req', '-x509', '-nodes', '-days', '2',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
        '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`,
        '-keyout', file('key'), '-out', file('crt')], { stdio: 'ignore' });
    return { file: file('crt'), tls: { key: readFileSync(file('key')),
        cert: readFileSync(file('crt')) } };
}

const good = certificate('localhost');
const other = certificate('elsewhere.example');
const trust = (file) => [`SSLProxyCACertificateFile "${file}"`];
const gw = useGateway({ tls: good.tls, server: trust(good.file),
    policy: ['ChatGPTRedact * mask'] }, () => {
    gw.expectLog(/CG[45]\d{3}/, /\[proxy(?:_http)?:/, /\[ssl:/);
});

test('a chat', async () => {
    const got = await gw.chat('hello');
    assert.equal(got.status, 200, got.text);
    assert.equal(got.said, 'You said: hello');
    assert.match(gw.lastHeaders.authorization, /^Bearer sk-upstream/);
});

test('a stream, event by event, masked', async () => {
    gw.script({ say: 'it is 536-22-8726 now', chunk: 4, gap_ms: 40 });
    const got = await gw.stream('x');
    assert.equal(got.text, 'it is [US_SSN] now');
    assert.ok(got.done);
    assert.ok(got.events.at(-1).at - got.events[0].at > 150);
});

test('a large body and many at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) =>
        gw.chat(`${'word '.repeat(20000)} say: number ${i}`)));
    all.forEach((got, i) => assert.equal(got.said, `number ${i}`));
});

test('connections are kept', async () => {
    for (let i = 0; i < 40; i++)
        await gw.chat('hi');
    const peers = new Set(gw.reached.slice(-40).map((one) => one.peer));
    assert.ok(peers.size <= 20, `${peers.size} connections`);
});

test('who leaves stops the upstream', async () => {
    gw.forget();
    gw.script({ say: 'word '.repeat(100), gap_ms: 3000, gaps: [0, 5, 5] });
    const at = Date.now();
    await gw.stream('x', { onEvent: (one) =>
        one.data?.includes('word') ? 'leave' : null });
    const { left } = gw.provider.state.memory;
    await until(() => left.length === 1, { what: 'the upstream to be left' });
    assert.ok(left[0].at - at < 600, `after ${left[0].at - at} ms`);
});

for (const [what, cert, authority] of [
    ['of an unknown authority', good, other.file],
    ['for another name', other, other.file]])
    test(`a certificate ${what} is refused: nothing is sent`, async () => {
        await gw.provider.close();
        gw.options.tls = cert.tls;
        await gw.providerAgain(gw.provider.port);
        await gw.rewrite({ server: trust(authority) });
        const got = await gw.call('/chat/completions', { body: {
            model: MODEL, messages: [{ role: 'user', content: 'x' }] } });
        assert.ok([502, 503].includes(got.status), got.text);
        assert.ok(got.error);
        assert.equal(gw.reached.length, 0);
    });
