// What a test says to its gateway: as a caller, as an operator, by its tool.
// SPDX-License-Identifier: Apache-2.0

import { execFile } from 'node:child_process';
import path from 'node:path';

import { ROOT, Server } from './launch.mjs';
import { cli } from './redis.mjs';
import { heard, open, send, stream, until } from './wire.mjs';

export const MODEL = 'gpt-4o-mini';
export const EMBEDDER = 'text-embedding-3-small';

const basic = ({ user, password }) => `Basic ${Buffer.from(
    `${user}:${password}`).toString('base64')}`;

/** A null takes a header out. */
const present = (headers) => Object.fromEntries(Object.entries(headers)
    .filter(([, value]) => value !== null));

export class Gateway extends Server {
    // — callers —

    headers(extra = {}, key = this.key) {
        return present({ 'content-type': 'application/json',
            authorization: key === null ? null : `Bearer ${key}`,
            ...extra });
    }

    #request(options) {
        const body = options.body === undefined
            || typeof options.body === 'string'
            || Buffer.isBuffer(options.body) ? options.body
            : JSON.stringify(options.body);
        return { agent: this.agent, again: options.agent === undefined,
            ...options, body, method: options.method
            ?? (body === undefined ? 'GET' : 'POST'),
        headers: this.headers(options.headers, options.key) };
    }

    /** One call; `at` is a path under /v1. */
    call(at, options = {}) {
        return send(this.api + at, this.#request(options));
    }

    open(at, options = {}) {
        return open(this.api + at, this.#request(options));
    }

    chat(content, options = {}) {
        const messages = Array.isArray(content) ? content
            : [{ role: 'user', content }];
        return this.call('/chat/completions', { ...options,
            body: { model: MODEL, messages, ...options.body } });
    }

    async stream(content, options = {}) {
        const got = await stream(`${this.api}${options.at
            ?? '/chat/completions'}`, this.#request({ ...options,
            body: { model: MODEL, messages: [{ role: 'user', content }],
                stream: true, ...options.body } }));
        return { ...got, ...heard(got) };
    }

    // — operators —

    /** A call of the admin API; writes carry what CSRF defence asks for. */
    async admin(method, at, body, { as = 'admin', headers = {} } = {}) {
        const who = as && this.ready.operators[as];
        const write = !['GET', 'HEAD'].includes(method);
        const all = {
            ...(who ? { authorization: basic(who) } : {}),
            ...(write ? { 'content-type': 'application/json',
                'x-chatgpt-console': '1', 'sec-fetch-site': 'same-origin',
                origin: new URL(this.ready.admin_api).origin } : {}),
            ...headers };
        const text = body === undefined || typeof body === 'string' ? body
            : JSON.stringify(body);
        if (text !== undefined) // which node leaves out of a DELETE
            all['content-length'] ??= String(Buffer.byteLength(text));
        return send(this.ready.admin_api + at, { method,
            headers: present(all), body: text });
    }

    /** A new key; resolves to { id, key, … }. */
    async newKey(members = {}) {
        const made = await this.admin('POST', '/keys',
            { name: 'test key', ...members });
        if (made.status !== 201)
            throw new Error(`POST /keys: ${made.status} ${made.text}`);
        return made.json;
    }

    async revoke(id) {
        const seen = await this.admin('GET', `/keys/${id}`);
        return this.admin('POST', `/keys/${id}/revoke`, {}, { headers:
            seen.headers.etag ? { 'if-match': seen.headers.etag } : {} });
    }

    /** Audit records, newest first, of the asked filter. */
    async records(query = '') {
        const got = await this.admin('GET', `/requests?limit=500${query
            ? `&${query}` : ''}`);
        if (got.status !== 200)
            throw new Error(`GET /requests: ${got.status} ${got.text}`);
        return got.json.items;
    }

    /** The record of one request id, once it has been shipped. */
    async record(id, ms = 5000) {
        return until(async () => {
            const got = await this.admin('GET', `/requests/${id}`);
            return got.status === 200 && got.json;
        }, { ms, what: `the record of ${id}` });
    }

    async metrics() {
        const got = await send(this.ready.metrics, { method: 'GET',
            headers: { authorization: basic(this.ready.operators.admin) } });
        if (got.status !== 200)
            throw new Error(`GET /metrics: ${got.status}`);
        return got.text;
    }

    // — the tool, the store, the provider, the processes —

    ctl(words, { input = '', env = {} } = {}) {
        const tool = process.env.CG_CTL
            ?? path.join(ROOT, 'build', 'chatgptctl');
        return new Promise((done) => {
            const child = execFile(tool, words, { env: { ...process.env,
                RUN_DIR: this.folder, ...env }, timeout: 20000,
            maxBuffer: 64 << 20 }, (error, stdout, stderr) => done({
                code: error ? error.code ?? 1 : 0, stdout, stderr,
                get lines() {
                    return stdout.split('\n').filter(Boolean)
                        .map((line) => JSON.parse(line));
                } }));
            child.stdin.on('error', () => {});
            child.stdin.end(input);
        });
    }

    store(...words) {
        return cli(this.ready.redis, ...words);
    }

    /** The requests that reached the provider, model look-ups left out. */
    get reached() {
        return this.provider.state.memory.ring.filter((one) =>
            one.method === 'POST');
    }

    get lastBody() {
        return this.reached.at(-1)?.body.toString('utf8');
    }

    get lastHeaders() {
        const { raw: flat } = this.reached.at(-1);
        return Object.fromEntries(Array.from({ length: flat.length / 2 },
            (_, i) => [flat[2 * i].toLowerCase(), flat[2 * i + 1]]));
    }

    script(...plans) {
        this.provider.state.script.add(plans.flat());
    }

    forget() {
        this.provider.state.memory.forget();
        this.provider.state.script.clear();
    }
}
