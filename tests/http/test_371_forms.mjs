// Hostile and odd forms: what two readers might differ on never reaches the provider.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';

import { form, part, post, reachedForm, typeOf } from './forms.mjs';
import { useGateway } from './harness.mjs';
import { SAMPLES, bare } from './samples.mjs';
import { raw } from './wire.mjs';

const gw = useGateway({ policy: ['ChatGPTUnknownModel allow',
    'ChatGPTRedact IP_ADDRESS block'] });
const CARD = SAMPLES.CREDIT_CARD;
const CASES = readFileSync(new URL('../data/multipart/forms.jsonl',
    import.meta.url), 'utf8').split('\n').filter(Boolean)
    .map((line) => JSON.parse(line));

test('every form that is none is 400 invalid_multipart and goes nowhere', async () => {
    gw.forget();
    for (const one of CASES.filter(({ fault }) => fault !== undefined)) {
        const got = await post(gw, '/files', Buffer.from(one.body), { headers: {
            'content-type': 'multipart/form-data; boundary=X-b' } });
        assert.equal(got.status, 400, `${one.name}: ${got.status} ${got.text}`);
        assert.equal(got.error.code, 'invalid_multipart', one.name);
        assert.ok(got.error.message.includes(one.fault), one.name);
    }
    assert.equal(gw.reached.length, 0);
});

test('forms that are sound arrive byte for byte', async () => {
    for (const one of CASES.filter(({ parts }) => parts?.length)) {
        if (/identity coding/.test(one.name)) // its headers stay here
            continue;
        gw.forget();
        await post(gw, '/files', Buffer.from(one.body), { headers: {
            'content-type': 'multipart/form-data; boundary=X-b' } });
        assert.equal(gw.lastBody, one.body, one.name);
    }
});

test('forms of other types, of two boundaries or of none are refused', async () => {
    gw.forget();
    const body = form([{ name: 'purpose', data: 'user_data' }]);
    for (const [type, status] of [['multipart/form-data', 400],
        ['multipart/form-data; boundary=', 400],
        ['multipart/form-data; boundary=a; boundary=b', 400],
        ['multipart/mixed; boundary=cg-boundary-7f3a', 415],
        ['application/json', 415], ['text/plain', 415],
        ['application/x-www-form-urlencoded', 415]]) {
        const got = await post(gw, '/files', body, { headers: {
            'content-type': type } });
        assert.equal(got.status, status, `${type}: ${got.text}`);
    }
    for (const at of ['/chat/completions', '/audio/speech', '/batches'])
        assert.equal((await post(gw, at, body)).status, 415, at);
    assert.equal((await post(gw, '/files', body, { headers: {
        'content-encoding': 'gzip' } })).status, 415);
    assert.equal(gw.reached.length, 0);
});

test('a boundary with marks in it is sent on in quotes', async () => {
    const body = form([{ name: 'purpose', data: 'user_data' },
        { name: 'file', filename: 'a.txt', data: `card ${CARD}` }], 'a:b=c');
    const got = await gw.call('/files', { body, headers: {
        'content-type': typeOf('"a:b=c"') } });
    assert.equal(got.status, 200, got.text);
    assert.equal(gw.lastHeaders['content-type'],
        'multipart/form-data; boundary="a:b=c"');
    assert.ok(gw.lastBody.includes('card [CREDIT_CARD]'));
});

test('a value is masked wherever in a form it stands', async () => {
    const got = await gw.call('/audio/transcriptions', { body: form([
        { name: 'model', data: 'whisper-1' },
        { name: 'prompt', data: `pay ${CARD}` },
        { name: 'extra', data: JSON.stringify({ note: { deep: `ssn ${
            SAMPLES.US_SSN}` } }) },
        { name: 'packed', data: Buffer.from(`the card is ${CARD}, keep it`)
            .toString('base64') },
        { name: 'file', filename: `a ${SAMPLES.US_SSN}.wav`,
            type: 'audio/wav', data: 'RIFF\0\0\0\0WAVE' },
        part({ head: 'Content-Disposition: form-data; name="4111111111111111"',
            data: '1' }),
        part({ head: 'Content-Disposition: form-data; name="typed"\r\n'
            + 'Content-Type: text/plain; note="4111 1111 1111 1111"',
        data: '1' })]), headers: { 'content-type': typeOf() } });
    assert.equal(got.status, 200, got.text);
    const sent = gw.lastBody;
    for (const value of [CARD, SAMPLES.US_SSN])
        assert.ok(!bare(sent).includes(bare(value)), sent);
    assert.ok(!sent.includes(Buffer.from(`the card is ${CARD}`)
        .toString('base64').slice(0, 30)), sent);
    const parts = reachedForm(gw);
    assert.equal(parts.prompt.data.toString(), 'pay [CREDIT_CARD]');
    assert.deepEqual(JSON.parse(parts.extra.data), { note: {
        deep: 'ssn [US_SSN]' } });
    assert.ok(parts['[CREDIT_CARD]']);
    assert.equal(parts.typed.type, 'application/octet-stream');
});

test('a type that blocks refuses the whole form, names the field, sends nothing', async () => {
    gw.forget();
    for (const [at, more] of [['prompt', {}], ['file', { filename: 'a.txt' }],
        ['filename', { name: 'file', filename: `log 93.184.216.34 a.txt` }]]) {
        const got = await post(gw, '/audio/transcriptions', [
            { name: 'model', data: 'whisper-1' },
            { name: at, data: `from ${SAMPLES.IP_ADDRESS} on`, ...more }]);
        assert.equal(got.status, 400, got.text);
        assert.equal(got.error.code, 'content_policy_violation');
        assert.equal(got.error.param, at);
        assert.equal(got.headers['x-chatgpt-policy'], 'IP_ADDRESS');
        assert.ok(!got.text.includes('93.184'));
    }
    assert.equal(gw.reached.length, 0);
});

test('the model of a form is asked of the same lists as that of a chat', async () => {
    const { key } = await gw.newKey({ models: ['whisper-1', 'dall-e-2'] });
    const ask = (model, at = '/audio/transcriptions') => post(gw, at, [
        { name: 'file', filename: 'a.wav', data: 'RIFF\0\0\0\0WAVE' },
        ...(model === undefined ? [] : [{ name: 'model', data: model }])],
    { key });
    assert.equal((await ask('whisper-1')).status, 200);
    const other = await ask('gpt-4o-transcribe');
    assert.equal(other.status, 403);
    assert.equal(other.error.code, 'model_not_allowed');
    for (const bad of ['', 'a\nb', 'x'.repeat(257), undefined])
        assert.equal((await ask(bad)).error.param, 'model', String(bad));
    assert.equal((await ask(undefined, '/images/edits')).status, 200);
    const { key: none } = await gw.newKey({ models: ['gpt-4o'] });
    assert.equal((await post(gw, '/images/edits', [{ name: 'prompt', data: 'x' }],
        { key: none })).error.code, 'model_not_allowed');
    assert.equal((await gw.call('/moderations', { body: { input: 'x' },
        key: none })).error.code, 'model_not_allowed');
});

test('a form cut short is 400, and its caller may go on with a new connection', async () => {
    gw.forget();
    const body = form([{ name: 'purpose', data: 'user_data' }]);
    const head = ['POST /v1/files HTTP/1.1', `Host: 127.0.0.1:${gw.port}`,
        `Authorization: Bearer ${gw.key}`, `Content-Type: ${typeOf()}`];
    const got = await raw(gw.port, [...head, `Content-Length: ${body.length
        - 12}`, 'Connection: close', '', ''].join('\r\n')
        + body.subarray(0, body.length - 12).toString('latin1'));
    assert.match(got.text ?? String(got), /400/);
    assert.equal(gw.reached.length, 0);
});

test('a form in chunks, cut anywhere, is the same form', async () => {
    const body = form([{ name: 'purpose', data: 'user_data' },
        { name: 'file', filename: 'a.txt', data: `to ${SAMPLES.EMAIL_ADDRESS}`
            + `\r\nand ${CARD}` }]);
    const answers = await Promise.all([1, 3, 17, 64].map((step) =>
        new Promise((done, failed) => {
            const req = http.request(`${gw.api}/files`, { method: 'POST',
                headers: { authorization: `Bearer ${gw.key}`,
                    'content-type': typeOf() } }, (res) => {
                res.resume();
                res.on('end', () => done(res.statusCode));
            });
            req.on('error', failed);
            for (let at = 0; at < body.length; at += step)
                req.write(body.subarray(at, at + step));
            req.end();
        })));
    assert.deepEqual(answers, [200, 200, 200, 200]);
    const sent = gw.reached.slice(-4).map((one) => one.body.toString());
    assert.equal(new Set(sent).size, 1);
    assert.ok(sent[0].includes('to [EMAIL_ADDRESS]\r\nand [CREDIT_CARD]'));
});
