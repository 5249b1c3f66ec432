/* The only file that asks the server: JSON in, JSON out, and every failure a Problem that people can read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Addresses are relative to the page, so the console may stand at any path. Sign-in is the web server's (Basic, OIDC,
 * certificates): the browser adds it by itself, which is why each write carries a header that no other site's page
 * can send. Nothing is retried here: an operator's act happens once, and a POST's key makes a second try harmless.
 */
import { hasWords, t } from './words.js';

const base = new URL('api/v1/', document.baseURI);

/* What went wrong, as RFC 9457 tells it. status 0: no answer came at all. */
export class Problem extends Error {
    constructor(status, body = {}) {
        super(body.title || `HTTP ${status}`);
        this.name = 'Problem';
        this.status = status;
        this.kind = String(body.type || '').split('/').pop();
        this.title = body.title || '';
        this.detail = body.detail || '';
        this.instance = body.instance || '';
        this.errors = Array.isArray(body.errors) ? body.errors : [];
    }
}

/* For answers without a problem document: httpd's own pages, a proxy's, or no answer at all. */
const KIND_OF_STATUS = { 0: 'offline', 401: 'not-signed-in', 403: 'role-required', 404: 'not-found', 413: 'too-large' };

/* {title, text, fields}: what the operator reads. fields: a fault's words by the name of the form's field. */
export function explain(problem) {
    const known = [problem.kind, KIND_OF_STATUS[problem.status]].find((kind) => kind && hasWords(`problem.${kind}`));
    const family = known || (problem.status >= 500 ? 'server' : 'other');
    const fields = {};
    for (const { pointer = '', code = '', detail = '' } of problem.errors) {
        const name = pointer.split('/')[1] || '';
        fields[name] = hasWords(`fault.${code}`) ? t(`fault.${code}`) : detail || code;
    }
    return { title: t(`problem.${family}`), text: t(`problem.${family}.text`), fields };
}

/* A plain link's address, too: the browser saves what comes, however long it is. */
export function address(path, query = {}) {
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(query)) {
        if (value !== '' && value !== null && value !== undefined) url.searchParams.set(name, value);
    }
    return url;
}

async function readProblem(response) {
    const type = response.headers.get('content-type') || '';
    const body = /json/.test(type) ? await response.json().catch(() => ({})) : {};
    if (!body.instance) body.instance = response.headers.get('x-request-id') || '';
    return new Problem(response.status, body);
}

async function ask(method, path, { query, body, headers = {}, signal } = {}) {
    let response;
    try {
        response = await fetch(address(path, query), {
            method,
            headers: { accept: 'application/json', ...headers },
            body: body === undefined ? undefined : JSON.stringify(body),
            cache: 'no-store',
            credentials: 'same-origin',
            redirect: 'error', /* a sign-in page behind a redirect is not an answer */
            signal,
        });
    } catch (failure) {
        if (failure.name === 'AbortError') throw failure;
        throw new Problem(0);
    }
    if (!response.ok) throw await readProblem(response);
    if (response.status === 204) return { value: null, etag: '' };
    try {
        return { value: await response.json(), etag: response.headers.get('etag') || '' };
    } catch (failure) {
        if (failure.name === 'AbortError') throw failure;
        throw new Problem(502, { title: 'not JSON' });
    }
}

const writing = { 'content-type': 'application/json', 'x-chatgpt-console': '1' };

/* crypto.randomUUID exists on https and localhost only; a console on a plain intranet address needs one too. */
export function newIdempotencyKey() {
    const random = crypto.getRandomValues(new Uint8Array(16));
    return Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function get(path, query, signal) {
    return (await ask('GET', path, { query, signal })).value;
}

/* {value, etag}: for what will be edited. */
export function getVersioned(path, signal) {
    return ask('GET', path, { signal });
}

/* version: of the thing as it was seen; refused when somebody changed it meanwhile. */
export async function post(path, body, idempotencyKey = newIdempotencyKey(), signal = undefined, version = undefined) {
    const headers = { ...writing, 'idempotency-key': idempotencyKey };
    if (version) headers['if-match'] = `"${version}"`;
    return (await ask('POST', path, { body, headers, signal })).value;
}

export async function patch(path, body, etag) {
    return (await ask('PATCH', path, { body, headers: { ...writing, 'if-match': etag } })).value;
}

export async function put(path, body, etag) {
    return (await ask('PUT', path, { body, headers: { ...writing, 'if-match': etag } })).value;
}

export async function remove(path, body, etag) {
    return (await ask('DELETE', path, { body, headers: { ...writing, 'if-match': etag } })).value;
}

/* Follows next_cursor to the end or to most items; onPart(items, part) after each part. */
export async function getAll(path, query, { most = 10000, signal, onPart = () => {} } = {}) {
    const items = [];
    let cursor = '';
    do {
        const part = await get(path, { ...query, limit: 500, cursor }, signal);
        items.push(...part.items);
        cursor = part.next_cursor || '';
        onPart(items, part);
    } while (cursor && items.length < most);
    return { items, isCut: Boolean(cursor) };
}

const wordsHere = new Map();

/* The words of a language that all pages say, or those that one page alone says; each is loaded once. */
export function getWords(code, page = '') {
    const name = page ? `${code}/${page}` : code;
    if (!wordsHere.has(name)) {
        const coming = loadWords(name);
        wordsHere.set(name, coming);
        coming.catch(() => wordsHere.delete(name));
    }
    return wordsHere.get(name);
}

async function loadWords(name) {
    const response = await fetch(new URL(`words/${name}.json`, document.baseURI));
    if (!response.ok) throw new Problem(response.status);
    return response.json();
}
