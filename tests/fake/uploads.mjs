// What a small OpenAI does with files, sound, pictures and batches.
// SPDX-License-Identifier: Apache-2.0
//
// Files are kept as they came, so that a test can ask for their bytes. Answers:
//   { status, body, type }    a JSON document, or bytes of another type
//   { events }                the frames of an event stream

import { createHash } from 'node:crypto';

import { failure } from './answers.mjs';

const now = () => Math.floor(Date.now() / 1000);

/** The smallest PNG, and a second of a tone that is no tone. */
export const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ'
    + 'AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
export const SOUND = Buffer.concat([Buffer.from('RIFF\x24\x00\x00\x00WAVEfmt ',
    'latin1'), Buffer.alloc(2000, 0x80)]);

/** The parts of a form: { name, filename, type, data }. Strict; null: broken. */
export function formOf(type, body) {
    const found = /^multipart\/form-data; boundary=("?)(.+)\1$/.exec(type ?? '');
    if (!found)
        return null;
    const mark = Buffer.from(`--${found[2]}`);
    const parts = [];
    let at = body.indexOf(mark);
    if (at !== 0)
        return null;
    for (;;) {
        at += mark.length;
        if (body.subarray(at, at + 2).toString() === '--')
            return parts;
        const head = body.indexOf('\r\n\r\n', at);
        const end = body.indexOf(Buffer.concat([Buffer.from('\r\n'), mark]),
            head + 2);
        if (head < 0 || end < 0)
            return null;
        const lines = body.subarray(at + 2, head).toString('utf8');
        parts.push({ head: lines,
            name: /; name="?([^";]*)"?/.exec(lines)?.[1],
            filename: /; filename="?([^";\r]*)"?/.exec(lines)?.[1],
            type: /content-type: *([^\r\n]*)/i.exec(lines)?.[1],
            data: body.subarray(head + 4, end) });
        at = end + 2;
    }
}

const shown = (file) => ({ id: file.id, object: 'file', bytes: file.bytes,
    created_at: file.at, filename: file.filename, purpose: file.purpose,
    status: 'processed' });

function takeFile(form, store) {
    const file = form.find((part) => part.name === 'file');
    const purpose = form.find((part) => part.name === 'purpose');
    if (!file || !purpose)
        return failure(400, "'file' and 'purpose' are required.", null, 'file');
    const id = `file-fake${(store.serial++).toString(36)}`;
    const kept = { id, at: now(), bytes: file.data.length, data: file.data,
        filename: file.filename, purpose: purpose.data.toString() };
    store.files.set(id, kept);
    return { status: 200, body: shown(kept) };
}

function ofFile(method, id, tail, store) {
    const file = store.files.get(id);
    if (!file)
        return failure(404, `No such File object: ${id}`, null, 'id');
    if (method === 'DELETE')
        store.files.delete(id);
    if (method === 'DELETE')
        return { status: 200, body: { id, object: 'file', deleted: true } };
    return tail ? { status: 200, type: 'application/octet-stream',
        body: file.data } : { status: 200, body: shown(file) };
}

const said = (form, name) => form.find((part) => part.name === name)?.data
    .toString('utf8');

/** What it heard: the prompt, so that a test sees what came through. */
function transcribe(form, plan) {
    const format = said(form, 'response_format') ?? 'json';
    const text = plan.say ?? `You asked: ${said(form, 'prompt') ?? ''}`;
    const usage = { type: 'tokens', input_tokens: 14, output_tokens: 45,
        total_tokens: 59 };
    if (said(form, 'stream') === 'true')
        return { events: [...text.match(/[\s\S]{1,3}/g).map((delta) =>
            ({ type: 'transcript.text.delta', delta })),
        { type: 'transcript.text.done', text, usage }].map((one) =>
            `data: ${JSON.stringify(one)}\n\n`) };
    if (format === 'text')
        return { status: 200, type: 'text/plain; charset=utf-8',
            body: `${text}\n` };
    if (format === 'srt')
        return { status: 200, type: 'text/plain; charset=utf-8',
            body: `1\n00:00:00,000 --> 00:00:04,000\n${text}\n\n` };
    if (format === 'vtt')
        return { status: 200, type: 'text/vtt', body: 'WEBVTT\n\n00:00:00.000'
            + ` --> 00:00:04.000\n${text}\n\n` };
    return { status: 200, body: format === 'json' ? { text, usage }
        : { task: 'transcribe', language: 'english', duration: 4.0, text,
            segments: [{ id: 0, start: 0, end: 4, text }] } };
}

const pictures = (n, form) => ({ status: 200, body: { created: now(),
    data: Array.from({ length: n }, (_, i) => i % 2 === 0
        ? { b64_json: PNG.toString('base64') }
        : { url: `https://pictures.example/img-${i}.png?se=2030-01-01T00%3A`
            + '00%3A00Z&sp=r&sv=2024-08-04&sr=b&rscd=inline&sig='
            + createHash('sha256').update(`${i}`).digest('base64url') },
    ), usage: { input_tokens: 10, output_tokens: 20, total_tokens: 30 },
    ...(form ? {} : { revised: true }) } });

function ofBatch(method, path, asked, store) {
    const found = /^\/v1\/batches\/([^/]+)(\/cancel)?$/.exec(path);
    if (path === '/v1/batches' && method === 'POST') {
        const input = store.files.get(asked?.input_file_id);
        if (!input)
            return failure(400, 'No such file.', null, 'input_file_id');
        const id = `batch_fake${(store.serial++).toString(36)}`;
        const out = `file-out${id}`;
        const lines = input.data.toString('utf8').split('\n').filter(Boolean)
            .map((line) => JSON.parse(line)).map((line, i) => JSON.stringify({
                id: `batch_req_${i}0a9b8c7d6e5f`, custom_id: line.custom_id,
                response: { status_code: 200,
                    request_id: '0123456789abcdef0123456789abcdef',
                    body: { id: `chatcmpl-A${i}bCdEfGh1jKlMnOpQrStUv`,
                        object: 'chat.completion', created: 1711471533,
                        model: line.body.model, choices: [{ index: 0,
                            message: { role: 'assistant', content: `You said: ${
                                JSON.stringify(line.body.messages ?? '')}` },
                            finish_reason: 'stop', logprobs: null }],
                        usage: { prompt_tokens: 24, completion_tokens: 15,
                            total_tokens: 39 } } }, error: null }));
        store.files.set(out, { id: out, at: now(), filename: 'output.jsonl',
            purpose: 'batch_output', data: Buffer.from(`${lines.join('\n')}\n`),
            bytes: 0 });
        const batch = { id, object: 'batch', endpoint: asked.endpoint,
            input_file_id: asked.input_file_id, status: 'completed',
            completion_window: asked.completion_window, created_at: now(),
            output_file_id: out, metadata: asked.metadata ?? null };
        store.batches.set(id, batch);
        return { status: 200, body: batch };
    }
    if (path === '/v1/batches' && method === 'GET')
        return { status: 200, body: { object: 'list', has_more: false,
            data: [...store.batches.values()] } };
    const batch = found && store.batches.get(found[1]);
    if (!batch)
        return failure(404, 'No such batch.', null, 'id');
    if (found[2])
        batch.status = 'cancelling';
    return { status: 200, body: batch };
}

const FORMS = {
    '/v1/files': (form, plan, store) => takeFile(form, store),
    '/v1/audio/transcriptions': transcribe,
    '/v1/audio/translations': transcribe,
    '/v1/images/edits': (form) => pictures(Number(said(form, 'n') ?? 1), form),
    '/v1/images/variations': (form) => pictures(
        Number(said(form, 'n') ?? 1), form),
};

const JSONS = {
    '/v1/audio/speech': (asked, plan) => asked.stream_format === 'sse'
        ? { events: [{ type: 'speech.audio.delta',
            audio: SOUND.toString('base64') }, { type: 'speech.audio.done',
            usage: { input_tokens: 3, output_tokens: 9, total_tokens: 12 } }]
            .map((one) => `data: ${JSON.stringify(one)}\n\n`) }
        : plan.say === undefined
        ? { status: 200, type: 'audio/wav', body: SOUND }
        : { status: 200, type: 'text/plain', body: plan.say },
    '/v1/images/generations': (asked) => pictures(asked.n ?? 1),
    '/v1/moderations': (asked) => ({ status: 200, body: {
        id: 'modr-fake', model: asked.model ?? 'omni-moderation-latest',
        results: [].concat(asked.input).map(() => ({ flagged: false,
            categories: { harassment: false },
            category_scores: { harassment: 0.000012 } })) } }),
};

export const emptyStore = () => ({ serial: 1, files: new Map(),
    batches: new Map() });

/** The answer to one of these endpoints; null when it is none of them. */
export function answer(req, path, body, plan, store) {
    const file = /^\/v1\/files\/([^/]+)(\/content)?$/.exec(path);
    if (req.method === 'POST' && FORMS[path]) {
        const form = formOf(req.headers['content-type'], body);
        return form ? FORMS[path](form, plan, store)
            : failure(400, 'The form is broken.', 'broken_form');
    }
    if (req.method === 'POST' && JSONS[path])
        return JSONS[path](JSON.parse(body), plan);
    if (path === '/v1/files' && req.method === 'GET')
        return { status: 200, body: { object: 'list', has_more: false,
            data: [...store.files.values()].map(shown) } };
    if (file)
        return ofFile(req.method, file[1], file[2], store);
    if (/^\/v1\/batches(\/|$)/.test(path))
        return ofBatch(req.method, path, req.method === 'POST' && body.length
            ? JSON.parse(body) : null, store);
    return null;
}
