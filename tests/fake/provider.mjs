#!/usr/bin/env node
// The practice provider: a small OpenAI on one port that can fail on demand.
// SPDX-License-Identifier: Apache-2.0
//
//   node provider.mjs [--port 0] [--host 127.0.0.1] [--log FILE]
//                     [--ready FILE] [--cases FILE.jsonl]
//
// Every option may also come from the environment (FAKE_PORT, FAKE_HOST,
// FAKE_LOG, FAKE_READY, FAKE_CASES); FAKE_KEY is the one bearer token it
// accepts (any, when unset). plan.mjs says how an answer is steered. What it
// was asked can be read, and its next answers set, under /__fake/:
//
//   GET  last · requests?since=N · count · aborted · health
//   POST script (a plan or a list) · reset · config {"key": "…"|null}

import { createHash } from 'node:crypto';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pathToFileURL } from 'node:url';

import * as say from './answers.mjs';
import { Script, planFor, planInText } from './plan.mjs';
import { respond } from './responses.mjs';
import * as uploads from './uploads.mjs';
import { play } from './wire.mjs';

const RING = 1000;
const RING_BYTES = 256 << 20;
const BODY_MOST = 256 << 20;
const POSTS = {
    '/v1/chat/completions': say.chat, '/v1/completions': say.completion,
    '/v1/responses': respond, '/v1/embeddings': say.embeddings,
};
const NEEDS = {
    '/v1/chat/completions': 'messages', '/v1/completions': 'prompt',
    '/v1/responses': 'input', '/v1/embeddings': 'input',
};

/** The last requests, bounded in number and in bytes. */
class Memory {
    count = 0;
    ring = [];
    left = [];
    #held = 0;

    keep(req, body) {
        const entry = { n: ++this.count, at: Date.now(), method: req.method,
            url: req.url, version: req.httpVersion,
            peer: req.socket.remotePort, raw: req.rawHeaders, body };
        this.ring.push(entry);
        this.#held += body.length;
        while (this.ring.length > RING
            || (this.#held > RING_BYTES && this.ring.length > 1))
            this.#held -= this.ring.shift().body.length;
        return entry;
    }

    forget() {
        Object.assign(this, { count: 0, ring: [], left: [] });
        this.#held = 0;
    }

    static show({ raw, body, ...rest }) {
        const headers = [];
        for (let i = 0; i < raw.length; i += 2)
            headers.push([raw[i], raw[i + 1]]);
        return { ...rest, headers, body: body.toString('utf8'),
            body_b64: body.toString('base64') };
    }
}

function loadCases(file) {
    if (!file)
        return null;
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    return new Map(lines.map((line) => JSON.parse(line))
        .map((one) => [one.id, one]));
}

/** A body too large to keep: its length and hash, its first and last bytes. */
function sink(req) {
    return new Promise((done, failed) => {
        const hash = createHash('sha256');
        let size = 0;
        let first = Buffer.alloc(0);
        let last = first;
        req.on('data', (part) => {
            size += part.length;
            hash.update(part);
            if (first.length < 65536)
                first = Buffer.concat([first, part]).subarray(0, 65536);
            last = Buffer.concat([last.subarray(-65536), part])
                .subarray(-65536);
        });
        req.on('end', () => done(Object.assign(Buffer.alloc(0), { sunk: {
            size, sha256: hash.digest('hex'), first, last } })));
        req.on('error', failed);
        req.on('aborted', () => failed(new Error('caller left')));
    });
}

function gather(req) {
    return new Promise((done, failed) => {
        const parts = [];
        let size = 0;
        req.on('data', (part) => {
            size += part.length;
            if (size > BODY_MOST)
                failed(new Error('body too large'));
            else
                parts.push(part);
        });
        req.on('end', () => done(parts.length === 1 ? parts[0]
            : Buffer.concat(parts)));
        req.on('error', failed);
        req.on('aborted', () => failed(new Error('caller left')));
    });
}

function refusal(req, key) {
    const given = req.headers.authorization ?? '';
    if (/^bearer\s+\S/i.test(given)
        && (!key || given.replace(/^bearer\s+/i, '') === key))
        return null;
    return say.failure(401, given ? 'Incorrect API key provided.'
        : "You didn't provide an API key.", given ? 'invalid_api_key' : null);
}

function answerPost(path, asked, plan, talk) {
    if (asked === null || typeof asked !== 'object' || Array.isArray(asked))
        return say.failure(400, 'We could not parse the JSON body of your '
            + 'request.', null);
    if (asked[NEEDS[path]] === undefined)
        return say.failure(400, `Missing required parameter: `
            + `'${NEEDS[path]}'.`, 'missing_required_parameter', NEEDS[path]);
    if (!say.knowsModel(asked.model))
        return say.failure(404, `The model '${asked.model}' does not exist.`,
            'model_not_found', 'model');
    return POSTS[path](asked, plan, talk);
}

function parse(body) {
    try {
        return JSON.parse(body);
    } catch {
        return null;
    }
}

function unescaped(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

/** The answer to a request of the API, and the plan it goes out by. */
function decide(req, body, state) {
    const path = req.url.split('?')[0];
    const asked = POSTS[path] ? parse(body) : null;
    const talk = asked && typeof asked === 'object'
        ? say.heard(path, asked) : { all: '', last: '' };
    const inText = planInText(talk.last);
    talk.last = inText.text;
    const plan = planFor(req, state.script, inText.plan);
    const refused = refusal(req, state.key);
    if (refused)
        return { plan: {}, answer: refused };
    if (plan.body !== undefined)
        return { plan, answer: { status: plan.status ?? 200,
            body: plan.body } };
    if (plan.status >= 400)
        return { plan, answer: say.failure(plan.status,
            `The practice provider was told to answer ${plan.status}.`,
            plan.code ?? null, null, plan.type ?? (plan.status === 429
                ? 'requests' : 'server_error')) };
    if (body.sunk)
        return { plan, answer: { status: 200, body: { id: 'file-sunk',
            object: 'file', bytes: body.sunk.size } } };
    const other = uploads.answer(req, path, body, plan, state.store);
    if (other)
        return { plan, answer: other };
    if (req.method === 'POST' && POSTS[path])
        return { plan, answer: answerPost(path, asked, plan, talk) };
    const id = /^\/v1\/models(?:\/(.+))?$/.exec(path);
    if (req.method === 'GET' && id)
        return { plan, answer: say.models(id[1] === undefined ? undefined
            : unescaped(id[1])) };
    return { plan, answer: say.failure(404,
        `Invalid URL (${req.method} ${path})`, 'unknown_url') };
}

/** Notes a caller who left before the answer was through. */
function watch(req, res, entry, memory) {
    const began = performance.now();
    res.once('close', () => {
        if (!res.writableFinished && !res.brokenByUs)
            memory.left.push({ n: entry.n, at: Date.now(),
                after_ms: Math.round(performance.now() - began) });
    });
}

async function serve(req, res, state) {
    let body;
    try {
        body = await (state.sinks ? sink : gather)(req);
    } catch {
        req.socket.destroy();
        return;
    }
    const entry = state.memory.keep(req, body);
    req.fakeNumber = entry.n;
    watch(req, res, entry, state.memory);
    state.log?.write(`${JSON.stringify({ n: entry.n, at: entry.at,
        method: req.method, url: req.url, body: body.toString('utf8') })}\n`);
    const { plan, answer } = decide(req, body, state);
    await play(req, res, answer, plan, state.cases);
}

const CONTROL = {
    'GET health': () => ({ ok: true }),
    'GET count': ({ memory }) => ({ count: memory.count }),
    'GET last': ({ memory }) => memory.ring.length
        ? Memory.show(memory.ring.at(-1)) : null,
    'GET requests': ({ memory }, url) => {
        const since = Number(url.searchParams.get('since') ?? 0);
        return memory.ring.filter((one) => one.n > since).map(Memory.show);
    },
    'GET aborted': ({ memory }) => ({ count: memory.left.length,
        callers: memory.left.slice(-RING) }),
    'POST script': ({ script }, url, body) => {
        script.add(JSON.parse(body));
        return { waiting: script.length };
    },
    'POST config': (state, url, body) => {
        const { key } = JSON.parse(body);
        state.key = key;
        return { ok: true };
    },
    'POST reset': ({ memory, script }) => {
        memory.forget();
        script.clear();
        return { ok: true };
    },
};

async function control(req, res, state) {
    const url = new URL(req.url, 'http://fake');
    const name = `${req.method} ${url.pathname.slice('/__fake/'.length)}`;
    const body = await gather(req).catch(() => Buffer.alloc(0));
    const run = CONTROL[name];
    let status = run ? 200 : 404;
    let answer = run ? null : { error: `no ${name}` };
    try {
        answer = run ? run(state, url, body) : answer;
    } catch (error) {
        status = 400;
        answer = { error: String(error) };
    }
    res.writeHead(status, { 'content-type': 'application/json' });
    res.end(JSON.stringify(answer));
}

/**
 * Starts a provider; resolves to { port, url, state, close }. With tls, an
 * object of key and cert, it speaks https as localhost.
 */
export function start({ port = 0, host = '127.0.0.1', log, cases, key,
    tls } = {}) {
    const state = { memory: new Memory(), script: new Script(), key,
        store: uploads.emptyStore(), sinks: false,
        cases: loadCases(cases),
        log: log ? createWriteStream(log, { flags: 'a', mode: 0o600 }) : null };
    const server = (tls ? https : http).createServer({ ...tls,
        keepAliveTimeout: 120000, requestTimeout: 0,
        maxHeaderSize: 1 << 20 }, (req, res) => {
        const work = req.url.startsWith('/__fake/') ? control : serve;
        work(req, res, state).catch((error) => {
            process.stderr.write(`provider: ${error.stack}\n`);
            res.destroy();
        });
    });
    server.on('checkContinue', (req, res) => {
        res.writeContinue();
        server.emit('request', req, res);
    });
    return new Promise((done, failed) => {
        server.once('error', failed);
        server.listen({ port, host, backlog: 4096 }, () => {
            const at = server.address();
            done({ port: at.port, state, url: tls
                ? `https://localhost:${at.port}` : `http://${host}:${at.port}`,
                close: () => new Promise((closed) => {
                    server.close(closed);
                    server.closeAllConnections();
                }) });
        });
    });
}

function option(name) {
    const at = process.argv.indexOf(`--${name}`);
    return at > 0 ? process.argv[at + 1]
        : process.env[`FAKE_${name.toUpperCase()}`] || undefined;
}

async function main() {
    const running = await start({ port: Number(option('port') ?? 0),
        host: option('host'), log: option('log'), cases: option('cases'),
        key: process.env.FAKE_KEY || undefined });
    const ready = option('ready');
    if (ready)
        writeFileSync(ready, `${JSON.stringify({ url: running.url,
            port: running.port, pid: process.pid })}\n`);
    process.stdout.write(`practice provider at ${running.url}\n`);
    for (const signal of ['SIGINT', 'SIGTERM'])
        process.once(signal, () => running.close().then(() =>
            process.exit(0)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
    main().catch((error) => {
        process.stderr.write(`provider: ${error.message}\n`);
        process.exit(1);
    });
