// What cannot be read: refused, counted or passed as ChatGPTOpaque says, never in silence.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';

import { PNG, SOUND } from '../fake/uploads.mjs';
import { post, reachedForm } from './forms.mjs';
import { useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';

const gw = useGateway({ policy: ['ChatGPTUnknownModel allow'] });
const CARD = SAMPLES.CREDIT_CARD;
const utf16 = (text) => Buffer.concat([Buffer.from([0xff, 0xfe]),
    Buffer.from(text, 'utf16le')]);
const OPAQUE = { picture: [PNG, 'image=1'], sound: [SOUND, 'audio=1'],
    archive: [gzipSync(`card ${CARD}`), 'archive=1'],
    'PDF of plain bytes': [Buffer.from('%PDF-1.4\n1 0 obj <<>> endobj\n'),
        'document=1'],
    'office file': [Buffer.concat([Buffer.from('PK\x03\x04\x14\x00\x06\x00'),
        deflateSync('x')]), 'archive=1'],
    'random bytes': [Buffer.from(Array.from({ length: 9000 }, (_, i) =>
        (i * 7919 + (i >> 3)) & 255)), 'other=1'] };

const upload = (data, at = '/files') => post(gw, at, [
    { name: 'purpose', data: 'user_data' },
    { name: 'file', filename: 'thing.dat', data }]);

for (const [what, [data, kinds]] of Object.entries(OPAQUE))
    test(`log passes ${what} byte for byte, says so, and keeps it in the record`, async () => {
        const got = await upload(data);
        assert.equal(got.status, 200, got.text);
        assert.deepEqual(reachedForm(gw).file.data, Buffer.from(data));
        assert.equal(got.headers['x-chatgpt-opaque'], '1');
        assert.equal((await gw.record(got.headers['x-request-id'])).opaque,
            kinds);
    });

test('text in UTF-16 or GBK is read, masked and written back in its coding', async () => {
    const gbk = (card) => Buffer.concat([Buffer.from([0xbf, 0xa8, 0xba, 0xc5]),
        Buffer.from(`,${card}\r\n`)]);
    for (const [data, want] of [
        [utf16(`Grüße 👋 ${CARD}\n`), utf16('Grüße 👋 [CREDIT_CARD]\n')],
        [utf16(`${'words 再见\n'.repeat(120000)}${CARD}`),
            utf16(`${'words 再见\n'.repeat(120000)}[CREDIT_CARD]`)],
        [utf16(`card ${CARD}`).swap16(), utf16('card [CREDIT_CARD]').swap16()],
        [utf16(`{"a":"${CARD}"}\n{"b":"\\u0034${CARD.slice(1)}"}`),
            utf16('{"a":"[CREDIT_CARD]"}\n{"b":"[CREDIT_CARD]"}')],
        [gbk(CARD), gbk('[CREDIT_CARD]')]]) {
        const got = await upload(data);
        assert.equal(got.status, 200, got.text);
        assert.deepEqual(reachedForm(gw).file.data, want);
        assert.equal(got.headers['x-chatgpt-opaque'], undefined);
    }
});

test('a mark of UTF-16 before ASCII, or a NUL, hides nothing', async () => {
    for (const mark of ['\xff\xfe', '\0', '\x01', '%PDF-1.4 ', 'GIF8 ']) {
        await upload(Buffer.concat([Buffer.from(mark, 'latin1'),
            Buffer.from(`my card is ${CARD}, or so it was at least`)]));
        const sent = reachedForm(gw).file.data.toString('latin1');
        assert.ok(sent.includes('[CREDIT_CARD]') && !sent.includes('4111'), sent);
    }
});

test('base64 in a long text is looked into to its end, wherever it is cut', async () => {
    const rows = (card) => Array.from({ length: 30000 }, (_, i) =>
        `row ${i} card ${card}\n`).join('');
    const cuts = (text) => [text, text.match(/.{1,76}/g).join('\n'),
        text.match(/.{1,75}/g).join('\r\n')];
    for (const body of cuts(Buffer.from(rows(CARD)).toString('base64')))
        for (const [head, tail] of [['a,b\n1,', '\n'], ['Some words:\n\n',
            '\n--mime--\n'], [`${'words '.repeat(9e4)}\n`, ' and words']]) {
            const got = await upload(head + body + tail);
            assert.equal(got.status, 200, got.text);
            const sent = reachedForm(gw).file.data.toString('latin1');
            assert.ok(sent.startsWith(head) && sent.endsWith(tail));
            assert.equal(Buffer.from(sent.slice(head.length,
                sent.length - tail.length), 'base64').toString()
                .replaceAll(/ +\n/g, '\n').replaceAll(/ +(?=row)/g, ''),
            rows('[CREDIT_CARD]'));
        }
});

test('pictures in JSON answers are counted, whole and streamed', async () => {
    const got = await gw.call('/images/generations', { body: {
        model: 'dall-e-2', n: 2, prompt: 'a tree' } });
    assert.equal(got.status, 200, got.text);
    assert.ok(got.text.includes(PNG.toString('base64')));
    assert.equal(got.headers['x-chatgpt-opaque'], '1');
    assert.equal((await gw.record(got.headers['x-request-id'])).opaque,
        'image=1');
});

test('text with a NUL far behind, or of another coding, is masked and counted', async () => {
    const long = 'harmless words, '.repeat(600);
    for (const data of [Buffer.from(`${long}card ${CARD}\0`),
        Buffer.concat([Buffer.from(`${long}card ${CARD} `),
            Buffer.from([0xd5, 0xc5, 0xc8, 0xfd])]),
        Buffer.concat([Buffer.from([0xe9]), Buffer.from(` ${CARD}\n`)]),
        Buffer.concat([Buffer.from(`${long.repeat(140)}card ${CARD}`),
            Buffer.from([0, 255])])]) {
        const got = await upload(data);
        assert.equal(got.status, 200, got.text);
        const sent = reachedForm(gw).file.data.toString('latin1');
        assert.ok(sent.includes('[CREDIT_CARD]') && !sent.includes('4111'),
            sent.slice(-80));
        assert.equal(got.headers['x-chatgpt-opaque'], '1');
    }
});

test('text is not counted, however it is called', async () => {
    const got = await post(gw, '/files', [{ name: 'purpose', data: 'vision' },
        { name: 'file', filename: 'a.pdf', type: 'application/pdf',
            data: 'plain words' }]);
    assert.equal(got.headers['x-chatgpt-opaque'], undefined);
});

test('a file that comes back and cannot be read is counted', async () => {
    gw.provider.state.store.files.set('file-png', { id: 'file-png', data: PNG });
    const got = await gw.call('/files/file-png/content');
    assert.deepEqual(got.body, PNG);
    assert.equal(got.headers['x-chatgpt-opaque'], '1');
});

test('allow passes and keeps it in the record alone', async () => {
    await gw.rewrite({ policy: ['ChatGPTUnknownModel allow',
        'ChatGPTOpaque allow'] });
    const got = await upload(PNG);
    assert.equal(got.status, 200, got.text);
    assert.equal(got.headers['x-chatgpt-opaque'], undefined);
    assert.equal((await gw.record(got.headers['x-request-id'])).opaque,
        'image=1');
});

test('deny refuses before a byte is sent, and names the field', async () => {
    await gw.rewrite({ policy: ['ChatGPTUnknownModel allow',
        'ChatGPTOpaque deny'] });
    gw.forget();
    for (const [what, [data]] of Object.entries(OPAQUE)) {
        const got = await upload(data);
        assert.equal(got.status, 400, `${what}: ${got.text}`);
        assert.equal(got.error.code, 'content_not_readable', what);
        assert.equal(got.error.param, 'file', what);
    }
    const field = await post(gw, '/images/edits', [{ name: 'prompt', data:
        Buffer.from([0, 1, 2]) }]);
    assert.equal(field.error.param, 'prompt');
    const late = await upload(Buffer.concat([Buffer.from('words '.repeat(9000)),
        Buffer.from([0])]));
    assert.equal(late.error.code, 'content_not_readable');
    assert.equal(gw.reached.length, 0);
    assert.equal((await upload('only words')).status, 200);
});

test('deny holds for answers: speech is not asked for, files are not passed on', async () => {
    gw.forget();
    const speech = await gw.call('/audio/speech', { body: { model: 'tts-1',
        voice: 'alloy', input: 'hello' } });
    assert.equal(speech.status, 400);
    assert.equal(speech.error.code, 'content_not_readable');
    assert.equal(gw.reached.length, 0);
    gw.provider.state.store.files.set('file-png', { id: 'file-png', data: PNG });
    const file = await gw.call('/files/file-png/content');
    assert.equal(file.status, 502);
    assert.equal(file.error.code, 'content_not_readable');
    const picture = await gw.call('/images/generations', { body: {
        model: 'dall-e-2', prompt: 'a tree' } });
    assert.equal(picture.status, 502, picture.text);
    assert.equal(picture.error.code, 'content_not_readable');
    gw.provider.state.store.files.set('file-txt', { id: 'file-txt',
        data: Buffer.from('words') });
    assert.equal((await gw.call('/files/file-txt/content')).text, 'words');
});
