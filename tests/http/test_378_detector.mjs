// An external detector for names: asked once, bounded in time, never in the way.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, test } from 'node:test';

import { post, reachedForm } from './forms.mjs';
import { sleep, until, useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';

/** Plays the service: finds every "Ann Lee", unless told to misbehave. */
const service = { asked: [], behave: null };
const server = createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
        const body = JSON.parse(Buffer.concat(parts).toString());
        service.asked.push(body);
        if (service.behave)
            return service.behave(response, body);
        const findings = body.texts.flatMap(({ id, text }) => {
            const points = [...text].join('\u0000').split('\u0000');
            const at = [...text].join('').indexOf('Ann Lee');
            const start = at < 0 ? -1 : [...text.slice(0, at)].length;
            assert.ok(points.length >= start);
            return start < 0 ? [] : [{ id, type: 'PERSON', start,
                end: start + 7, score: 0.9 }];
        });
        response.writeHead(200, { 'content-type': 'application/json' });
        return response.end(JSON.stringify({ findings }));
    });
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
after(() => {
    server.closeAllConnections();
    server.close();
});

const url = `http://127.0.0.1:${server.address().port}/detect`;
const gw = useGateway({ policy: [
    `ChatGPTDetector ${url} timeout=300ms`,
    '<If "-n req(\'X-Open\')">',
    `ChatGPTDetector ${url} timeout=300ms fail=open`, '</If>',
    '<If "-n req(\'X-None\')">', 'ChatGPTDetector off', '</If>'] });

const sent = () => JSON.parse(gw.lastBody).messages.map((m) => m.content);
const OPEN = { headers: { 'x-open': '1' }, agent: false };

/** An answer as agreed: the breaker counts its failures anew. */
let calls = 0;
const calm = () => gw.chat(`a quiet word, ${calls++}`, { agent: false });

test('what it finds is masked like any type, and asked about once', async () => {
    service.asked.length = 0;
    const talk = [{ role: 'user', content: '你好 😀, I am Ann Lee.' },
        { role: 'user', content: `write to ${SAMPLES.EMAIL_ADDRESS}` }];
    const got = await gw.chat(talk);
    assert.equal(got.status, 200, got.text);
    assert.deepEqual(sent(), ['你好 😀, I am [PERSON].',
        'write to [EMAIL_ADDRESS]']);
    assert.equal(service.asked.length, 1);
    assert.equal(service.asked[0].version, 1);
    assert.equal(service.asked[0].request_id, got.headers['x-request-id']);
    assert.ok(service.asked[0].texts.some((one) =>
        one.text === talk[0].content));
    const record = await gw.record(got.headers['x-request-id']);
    assert.ok(record.findings.some((one) => one.type === 'PERSON'));

    service.asked.length = 0;
    await gw.chat([...talk, { role: 'user', content: 'and nothing else' }],
        { agent: false });
    assert.equal(sent()[0], '你好 😀, I am [PERSON].');
    assert.deepEqual(service.asked.flatMap((one) => one.texts)
        .map((one) => one.text), ['and nothing else']);
});

test('off further in is off', async () => {
    service.asked.length = 0;
    await gw.chat('Ann Lee again', { headers: { 'x-none': '1' } });
    assert.deepEqual(sent(), ['Ann Lee again']);
    assert.equal(service.asked.length, 0);
});

const WRONG = {
    'no JSON': (response) => response.end('<html>'),
    'a place behind the end': (response) => response.end(JSON.stringify(
        { findings: [{ id: '0', type: 'PERSON', start: 0, end: 99999 }] })),
    'an unknown type': (response) => response.end(JSON.stringify(
        { findings: [{ id: '0', type: 'ALIEN', start: 0, end: 1 }] })),
    'status 500': (response) => {
        response.statusCode = 500;
        response.end('{"findings":[]}');
    },
    'no answer in time': () => {},
    'a broken connection': (response) => response.destroy(),
};

for (const [what, behave] of Object.entries(WRONG))
    test(`${what}: refused, or served with our own findings`, async () => {
        gw.expectLog('CG3020');
        gw.expectLog('CG3015');
        await calm();
        service.behave = behave;
        const text = `Ann Lee, ${SAMPLES.US_SSN}, ${what}`;
        const refused = await gw.chat(text, { agent: false });
        assert.equal(refused.status, 503, refused.text);
        assert.equal(refused.error.code, 'policy_detector_unavailable');
        assert.ok(refused.headers['retry-after']);
        const served = await gw.chat(text, OPEN);
        service.behave = null;
        assert.equal(served.status, 200, served.text);
        assert.equal(sent()[0], `Ann Lee, [US_SSN], ${what}`);
    });

test('what passed without it is asked about later', async () => {
    await calm();
    await gw.chat(`Ann Lee, ${SAMPLES.US_SSN}, no JSON`, { agent: false });
    assert.equal(sent()[0], '[PERSON], [US_SSN], no JSON');
});

test('texts of an upload are asked about: fields, files, lines', async () => {
    gw.expectLog('CG3020');
    await calm();
    const upload = (data, options) => post(gw, '/files', [
        { name: 'purpose', data: 'user_data' },
        { name: 'file', filename: 'a.txt', data }], options);
    const stored = () => reachedForm(gw).file.data.toString();
    await upload('a letter of Ann Lee');
    assert.equal(stored(), 'a letter of [PERSON]');
    await upload('{"a":"Ann Lee"}\n{"b":"of Ann Lee"}\n');
    assert.equal(stored(), '{"a":"[PERSON]"}\n{"b":"of [PERSON]"}\n');
    // Asked about in many pieces: a busy machine may answer one of them too late.
    await until(async () => {
        await upload(`${'some words of a letter\n'.repeat(60000)}to Ann Lee`);
        return gw.reached.length && stored().endsWith('letter\nto [PERSON]');
    }, { ms: 6000, every: 500, what: 'the end of a long letter masked' });
    gw.forget();
    service.behave = (response) => response.writeHead(500).end();
    const refused = await upload('another letter of Ann Lee');
    assert.equal(refused.error.code, 'policy_detector_unavailable');
    assert.equal(gw.reached.length, 0);
    assert.equal((await upload('another letter of Ann Lee', OPEN)).status, 200);
    assert.equal(stored(), 'another letter of Ann Lee');
    service.behave = null;
    await sleep(300);
    await calm();
});

test('a dead one costs its time-out three times, then nothing', async () => {
    gw.expectLog('CG3020');
    gw.expectLog('CG3015');
    await calm();
    service.behave = () => {};
    const times = [];
    for (let i = 0; i < 12; i++) {
        const before = Date.now();
        await gw.chat(`Ann Lee the ${i}th`, OPEN);
        times.push(Date.now() - before);
    }
    service.behave = null;
    const slow = times.filter((ms) => ms >= 250).length;
    assert.ok(slow >= 3 && slow <= 7, times.join(' '));
    assert.match(await gw.metrics(),
        /^chatgpt_detector_requests_total\{outcome="skipped"\} [1-9]/m);
    assert.match(await gw.metrics(),
        /^chatgpt_detector_requests_total\{outcome="timeout"\} [1-9]/m);
});
