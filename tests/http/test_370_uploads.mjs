// Uploads by the unmodified openai client: text in them leaves masked, the rest as it is.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import OpenAI, { toFile } from 'openai';

import { PNG, SOUND } from '../fake/uploads.mjs';
import { reachedForm } from './forms.mjs';
import { useGateway } from './harness.mjs';
import { SAMPLES, bare } from './samples.mjs';

let client;
const gw = useGateway({ policy: ['ChatGPTUnknownModel allow'] }, ({ key, api }) => {
    client = new OpenAI({ apiKey: key, baseURL: api, maxRetries: 0,
        timeout: 10000 });
});
const CARD = SAMPLES.CREDIT_CARD;
const MAIL = SAMPLES.EMAIL_ADDRESS;

test('a text file from a stream is stored masked, and everything else of it as it was', async () => {
    const file = path.join(gw.folder, 'letter.txt');
    await writeFile(file, `Dear bank,\r\nmy card is ${CARD}, my mail ${MAIL}.\r\n`
        + 'Grüße aus Zürich — 再见 👋\n');
    const made = await client.files.create({ file: createReadStream(file),
        purpose: 'user_data' });
    assert.equal(made.object, 'file');
    const { file: got, purpose } = reachedForm(gw);
    assert.equal(got.data.toString('utf8'), 'Dear bank,\r\nmy card is '
        + '[CREDIT_CARD], my mail [EMAIL_ADDRESS].\r\n'
        + 'Grüße aus Zürich — 再见 👋\n');
    assert.equal(got.filename, 'letter.txt');
    assert.equal(purpose.data.toString(), 'user_data');
    const back = await client.files.content(made.id);
    assert.match(await back.text(), /card is \[CREDIT_CARD\]/);
});

test('what a file holds decides, not its name', async () => {
    for (const [name, text] of [['photo.png', `id ${SAMPLES.CN_RESIDENT_ID}`],
        ['data.bin', `mail,${MAIL}\n`], ['a.zip', `ssn 536-22-8726 of Ann`]]) {
        await client.files.create({ file: await toFile(Buffer.from(text), name,
            { type: 'application/octet-stream' }), purpose: 'user_data' });
        const sent = reachedForm(gw).file.data.toString();
        assert.match(sent, /\[[A-Z_]+\]/, `${name}: ${sent}`);
    }
});

test('a picture passes byte for byte and is counted', async () => {
    const got = await client.files.create({ file: await toFile(PNG, 'x.png'),
        purpose: 'vision' }).withResponse();
    assert.deepEqual(reachedForm(gw).file.data, PNG);
    assert.equal(got.response.headers.get('x-chatgpt-opaque'), '1');
    const record = await gw.record(got.response.headers.get('x-request-id'));
    assert.equal(record.opaque, 'image=1');
    assert.equal(record.endpoint, 'file_upload');
});

test("a file's name is inspected like its text", async () => {
    const made = await client.files.create({ file: await toFile(
        Buffer.from('harmless'), `cv ${MAIL}.txt`), purpose: 'user_data' });
    assert.equal(reachedForm(gw).file.filename, 'cv [EMAIL_ADDRESS]');
    assert.equal(made.filename, 'cv [EMAIL_ADDRESS]');
});

test('files are listed, fetched and deleted by their ids', async () => {
    const made = await client.files.create({ file: await toFile(
        Buffer.from('some text'), 'a.txt'), purpose: 'user_data' });
    assert.equal((await client.files.retrieve(made.id)).id, made.id);
    const all = [];
    for await (const one of client.files.list({ limit: 100,
        purpose: 'user_data' }))
        all.push(one.id);
    assert.ok(all.includes(made.id));
    const listed = gw.provider.state.memory.ring.filter((one) =>
        one.method === 'GET' && one.url.startsWith('/v1/files?')).at(-1);
    assert.match(listed.url, /limit=100/);
    assert.match(listed.url, /purpose=user_data/);
    assert.equal((await client.files.delete(made.id)).deleted, true);
    await assert.rejects(client.files.retrieve(made.id), { status: 404 });
});

test('a query passes only what its endpoint knows', async () => {
    const got = await gw.call(`/files?after=file-1&note=${encodeURIComponent(
        MAIL)}&limit=ada.lovelace%40example.org&order=desc&purpose=a%20b`);
    assert.equal(got.status, 200, got.text);
    assert.equal(gw.provider.state.memory.ring.at(-1).url,
        '/v1/files?after=file-1&order=desc');
});

test('a transcription: the prompt is masked, the sound is not touched', async () => {
    const got = await client.audio.transcriptions.create({
        file: await toFile(SOUND, 'a.wav'), model: 'whisper-1',
        prompt: `The caller is ${MAIL}`,
        timestamp_granularities: ['word', 'segment'],
        response_format: 'json' });
    assert.equal(got.text, 'You asked: The caller is [EMAIL_ADDRESS]');
    const sent = reachedForm(gw);
    assert.deepEqual(sent.file.data, SOUND);
    assert.equal(sent.model.data.toString(), 'whisper-1');
});

for (const format of ['text', 'srt', 'vtt'])
    test(`a transcription as ${format} is masked as text`, async () => {
        gw.script({ say: `call me: ${MAIL} or card ${CARD}` });
        const { data, response } = await client.audio.transcriptions.create({
            file: await toFile(SOUND, 'a.wav'), model: 'whisper-1',
            response_format: format }).withResponse();
        const text = typeof data === 'string' ? data : JSON.stringify(data);
        assert.match(text, /call me: \[EMAIL_ADDRESS\] or card \[CREDIT_CARD\]/);
        assert.ok(!bare(text).includes(bare(CARD)));
        assert.match(response.headers.get('content-type'),
            format === 'vtt' ? /^text\/vtt/ : /^text\/plain/);
    });

test('a transcription that streams is masked over its deltas', async () => {
    gw.script({ say: `card ${CARD} and mail ${MAIL} end` });
    const events = [];
    for await (const event of await client.audio.transcriptions.create({
        file: await toFile(SOUND, 'a.wav'), model: 'gpt-4o-transcribe',
        stream: true }))
        events.push(event);
    const said = events.filter((one) => one.type === 'transcript.text.delta')
        .map((one) => one.delta).join('');
    assert.equal(said, 'card [CREDIT_CARD] and mail [EMAIL_ADDRESS] end');
    assert.equal(events.at(-1).type, 'transcript.text.done');
    assert.equal(events.at(-1).text, said);
});

test('a value said across cues or segments of a transcript is masked', async () => {
    const half = CARD.slice(0, 8);
    const rest = CARD.slice(8);
    const times = (n) => `00:00:0${n},000 --> 00:00:0${n + 1},000`;
    gw.provider.state.store.files.set('file-srt', { id: 'file-srt', data:
        Buffer.from(`1\n${times(1)}\nMy card is ${half}\n\n2\n${times(2)}\n${
            rest} okay\n`) });
    assert.equal((await gw.call('/files/file-srt/content')).text,
        `1\n${times(1)}\nMy card is [CREDIT_CARD]\n\n2\n${times(2)}\n okay\n`);
    await client.files.create({ file: await toFile(Buffer.from(
        `WEBVTT\n\n01:00.000 --> 01:01.000\ncard ${half}\n\n`
        + `01:01.000 --> 01:02.000\n${rest}\n`), 'a.vtt'),
    purpose: 'user_data' });
    assert.match(reachedForm(gw).file.data.toString(),
        /card \[CREDIT_CARD\]\n\n01:01\.000 --> 01:02\.000\n\n$/);
});

test('speech: its text is masked, its sound comes back byte for byte', async () => {
    const got = await client.audio.speech.create({ model: 'tts-1',
        voice: 'alloy', input: `Read ${CARD} aloud` });
    assert.deepEqual(Buffer.from(await got.arrayBuffer()), SOUND);
    assert.equal(got.headers.get('content-type'), 'audio/wav');
    assert.equal(JSON.parse(gw.lastBody).input, 'Read [CREDIT_CARD] aloud');
    const events = await gw.call('/audio/speech', { body: { model: 'tts-1',
        voice: 'alloy', input: 'x', stream_format: 'sse' } });
    assert.equal(events.status, 200, events.text);
    assert.ok(events.text.includes(SOUND.toString('base64')));
    assert.match(events.text, /speech\.audio\.done/);
});

test('pictures are made, edited and varied; links to them stay whole', async () => {
    const made = await client.images.generate({ model: 'dall-e-2', n: 2,
        prompt: `A card with ${CARD}` });
    assert.equal(JSON.parse(gw.lastBody).prompt, 'A card with [CREDIT_CARD]');
    assert.equal(made.data[0].b64_json, PNG.toString('base64'));
    assert.match(made.data[1].url, /^https:\/\/pictures\.example\/img-1\.png\?se=2030-01-01T00%3A00%3A00Z&sp=r&sv=2024-08-04&sr=b&rscd=inline&sig=[\w-]{43}$/);
    const edited = await client.images.edit({ image: [await toFile(PNG, 'a.png',
        { type: 'image/png' }), await toFile(PNG, 'b.png', { type: 'image/png'
    })], prompt: `Add ${MAIL}`, model: 'gpt-image-1' });
    assert.equal(edited.data.length, 1);
    assert.equal(reachedForm(gw).prompt.data.toString(), 'Add [EMAIL_ADDRESS]');
    assert.deepEqual(reachedForm(gw)['image[]'].data, PNG);
    await client.images.createVariation({ image: await toFile(PNG, 'a.png',
        { type: 'image/png' }), n: 1 });
    assert.deepEqual(reachedForm(gw).image.data, PNG);
});

test('a moderation: its input is masked like any text', async () => {
    const got = await client.moderations.create({ input: `I am ${MAIL}` });
    assert.equal(got.results[0].flagged, false);
    assert.equal(JSON.parse(gw.lastBody).input, 'I am [EMAIL_ADDRESS]');
});

test('what is no endpoint stays 404, a wrong method is 405 and says the right ones', async () => {
    for (const at of ['/uploads', '/uploads/upload_1/parts', '/files/a/b',
        '/files/a/content/x', '/audio', '/images/x'])
        assert.equal((await gw.call(at, { method: 'POST', body: '{}' })).status,
            404, at);
    const got = await gw.call('/files', { method: 'PUT', body: '{}' });
    assert.equal(got.status, 405);
    assert.deepEqual(got.headers.allow.split(/, */).filter((one) =>
        one !== 'HEAD').sort(), ['GET', 'POST']);
    assert.equal((await gw.call('/files/file-1/content', { method: 'DELETE' }))
        .status, 405);
});

test('an id or a query that holds a value goes nowhere', async () => {
    gw.provider.state.memory.forget();
    for (const at of ['/files/file-4111111111111111', '/batches/4111111111111111',
        '/files/4111-1111-1111-1111/content', '/files?after=4111111111111111']) {
        const got = await gw.call(at);
        assert.equal(got.status, 400, `${at}: ${got.text}`);
        assert.equal(got.error.param, 'url');
    }
    assert.equal(gw.provider.state.memory.ring.length, 0);
    for (const id of ['file-abc123DEF456ghi789JKL012', 'file-8Xk2LmN9pQ4rS7tU',
        'file_00000000a1b261f7b1a1234567890abc', 'batch_68f0c4e1a2b08190ab12cd34'
        + 'ef567890'])
        assert.equal((await gw.call(`/files/${id}`)).status, 404, id);
});
