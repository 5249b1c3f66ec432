/* A stand-in for the gateway's console: the built pages and an admin API whose state a test chooses.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For what a real gateway shows only with much trouble: a store that is away, errors of every kind, an empty house,
 * ten thousand keys, slow answers. It keeps to docs/manual/admin-api.md; what can be shown on the real server is
 * tested there (test_4_gateway.mjs), not here.
 *
 *   const mock = await startMock(folder);
 *   mock.scenario = 'store_down'; mock.roles = ['viewer']; mock.user = 'olu'; mock.delay = 600;   at any time
 *   mock.policy = makePolicy();   see policy.mjs; an empty house has published none
 *   mock.url, mock.calls, await mock.close()
 *
 * Scenarios: full, empty, many, store_down, errors, signed_out, stale (somebody else was faster).
 */
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { EMPTY_HOUSE, iso, makeHouse, makeStats } from './house.mjs';
import { IDENTITY } from './identity.mjs';
import { QUOTA } from './quota.mjs';
import { askPolicy, makePolicy, scan } from './policy.mjs';

const PREFIX = '/console/';
const API = `${PREFIX}api/v1/`;

const CSP = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    + "require-trusted-types-for 'script'";

const TYPES = {
    '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
    '.json': 'application/json', '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8',
};

const WRITERS = ['admin', 'operator'];
const READERS = ['admin', 'compliance', 'approver'];
const POLICY = ['policy-catalogue', 'policy-versions', 'policy-checks'];
const WRITTEN = ['limits', 'limits-import', 'alert-tests', 'keys', 'keys-import', 'signing-keys', 'issuers', 'token-checks'];
const STORED = ['people', 'teams', 'signing-keys', 'policy-versions', 'keys', 'limits', 'alerts', 'requests', 'stats', 'admin-events'];

/* ---- answers ---- */

const json = (body, status = 200, more = {}) => ({ type: 'application/json', ...more, status, body });

function problem(status, slug, detail, errors = []) {
    const body = { type: `${API}openapi.json#/x-problems/${slug}`, title: slug, status, detail, errors,
        instance: '01935fa0-7abc-7def-8123-0123456789ab' };
    return { status, type: 'application/problem+json', body };
}

const absent = () => problem(404, 'not-found', 'there is no such thing');
const refused = (roles) => problem(403, 'role-required', `one of these roles is needed: ${roles.join(', ')}`);

function list(items, query) {
    const start = Number(query.get('cursor') || 0);
    const end = start + Number(query.get('limit') || 50);
    return json({ items: items.slice(start, end), next_cursor: end < items.length ? String(end) : null });
}

/* ---- the house's things ---- */

const MEMBERS = { key: ['key_id', 'key_name'], model: ['model_asked', 'model_served'] };

function isWanted(record, query) {
    for (const name of ['decision', 'reason', 'team', 'user', 'endpoint', 'key', 'model']) {
        const members = MEMBERS[name] || [name];
        if (query.get(name) && !members.some((member) => record[member] === query.get(name))) return false;
    }
    if (query.get('from') && record.at < query.get('from')) return false;
    return JSON.stringify(record).toLowerCase().includes((query.get('q') || '').toLowerCase());
}

const secretOf = (letter) => `vk_4d1e90_${letter.repeat(43)}_9c1e`;

function createKey({ keys }, body) {
    if (!body.name) {
        const fault = { pointer: '/name', in: 'body', code: 'empty', detail: 'must not be empty' };
        return problem(400, 'invalid-request', '1 fault(s) in the request, see errors', [fault]);
    }
    const key = { owner: '', user: '', team: '', models: [], limits: [], budget: null, expires_at: null, ...body,
        id: `n${keys.length}`, prefix: 'vk_4d1e90', last4: '9c1e', state: 'active', created_at: iso(Date.now()),
        version: 1 };
    keys.unshift(key);
    return json({ ...key, key: secretOf('A'), audit_id: 'a2' }, 201);
}

function updateKey(key, body, isStale) {
    if (isStale) return problem(412, 'changed-meanwhile', `it has version ${key.version + 1} now; read it again`);
    Object.assign(key, body, { version: key.version + 1 });
    return json({ ...key, audit_id: 'a3' }, 200, { etag: `"${key.version}"` });
}

const ON_KEY = {
    revoke(key) {
        key.state = 'revoked';
        return json({ ...key, audit_id: 'a4' });
    },
    rotate(key, { grace }) {
        const hours = { '0s': 0, '1h': 1, '24h': 24 }[grace];
        Object.assign(key, hours ? { state: 'rotating', previous_last4: key.last4,
            previous_until: iso(Date.now() + hours * 3600000) } : {});
        return json({ ...key, key: secretOf('B'), audit_id: 'a5' });
    },
    'end-grace'(key) {
        Object.assign(key, { state: 'active', previous_until: null, previous_used_at: null, previous_last4: '' });
        return json({ ...key, audit_id: 'a6' });
    },
};

/* One row a thing: handler({house, mock, method, id, deed, query, body, show}). */
const THINGS = {
    keys({ house, mock, method, id, deed, query, body }) {
        if (method === 'GET' && !id) return list(house.keys, query);
        if (method === 'POST' && !id) return createKey(house, body);
        const key = house.keys.find((one) => one.id === id);
        if (!key) return absent();
        if (method === 'GET') return json(key, 200, { etag: `"${key.version}"` });
        return deed ? ON_KEY[deed](key, body) : updateKey(key, body, mock.scenario === 'stale');
    },
    requests({ house, id, query, show }) {
        if (!id) return list(house.records.filter((record) => isWanted(record, query)).map(show), query);
        const record = house.records.find((one) => one.id === id);
        return record ? json(show(record)) : absent();
    },
    exports({ house, query }) {
        const lines = house.records.filter((record) => isWanted(record, query)).map((record) => JSON.stringify(record));
        return { status: 200, type: 'application/x-ndjson', body: `${lines.join('\n')}\n` };
    },
    stats({ house, query }) {
        if (!house.records.length) return json({ step: query.get('step'), series: { at: [], requests: [] }, totals: {} });
        return json(makeStats(Date.parse(query.get('from')), Date.parse(query.get('to')), query.get('step')));
    },
    scan: ({ body }) => json(scan(body.text, body.document)),
    'admin-events': ({ house, query }) => list(house.events.filter((row) => ['subject', 'user', 'operation'].every((name) => (
        !query.get(name) || row[name] === query.get(name)))), query),
    accounts: ({ house, query }) => list(house.accounts, query),
    policies: ({ house, query }) => list(house.policies, query),
    store: ({ mock }) => json(mock.scenario === 'store_down'
        ? { state: 'down', since: iso(Date.now() - 192000), journal_backlog_records: 1284 }
        : { state: 'up', since: null, journal_backlog_records: 0 }),
    session: ({ mock }) => json({ user: mock.user, roles: mock.roles, version: '0.1.0', node: 'gw-1.example.com',
        language_hint: 'en' }),
};

function policyOf({ mock, ...call }) {
    const is = (...roles) => mock.roles.some((role) => [...roles, 'admin'].includes(role));
    const policy = mock.scenario === 'empty' ? mock.noPolicy : mock.policy;
    const { status, body, slug, detail } = askPolicy(policy, { ...call, user: mock.user,
        may: { write: is('compliance', 'operator'), decide: is('approver') } });
    return body ? json(body, status) : problem(status, slug, detail);
}
for (const name of POLICY) THINGS[name] = policyOf;
for (const [name, answer] of Object.entries(IDENTITY)) {
    THINGS[name] = (call) => {
        const found = answer(call);
        return found ? json(found.body, found.status, found) : absent();
    };
}

for (const [name, answer] of Object.entries(QUOTA)) {
    THINGS[name] = (call) => {
        const found = answer(call);
        if (!found) return absent();
        if (found.list) return list(found.list, call.query);
        if (found.slug) return problem(found.status, found.slug, found.detail, found.errors);
        return found.type ? found : json(found.body, found.status, found);
    };
}

/* What stands before the handlers: sign-in, roles, and what the scenario breaks. */
function refusal(mock, method, thing) {
    const is = (roles) => mock.roles.some((role) => roles.includes(role));
    if (!mock.roles.length) return refused(['viewer']);
    if (thing === 'session') return null;
    if (mock.scenario === 'signed_out') return { status: 401, type: 'text/html', body: '<h1>Unauthorized</h1>' };
    if (mock.scenario === 'store_down' && STORED.includes(thing)) {
        return problem(503, 'store-unavailable', 'connection refused');
    }
    if (mock.scenario === 'errors' && thing !== 'store') return problem(500, 'internal', 'an impossible thing happened');
    if (WRITTEN.includes(thing) && method !== 'GET' && !is(WRITERS)) return refused(WRITERS);
    if (['scan', 'exports', 'admin-events'].includes(thing) && !is(READERS)) return refused(READERS);
    return THINGS[thing] ? null : problem(404, 'unknown-path', `no such endpoint: ${thing}`);
}

/* ---- the server ---- */

export async function startMock(pages) {
    const houses = { full: makeHouse(23, 640), empty: EMPTY_HOUSE };
    const mock = { scenario: 'full', roles: ['admin'], user: 'admin', delay: 0, calls: [],
        policy: makePolicy(), noPolicy: { approval: 'loosening', versions: [] } };

    function house() {
        if (mock.scenario === 'many') houses.many ??= makeHouse(10000, 10000);
        return houses[mock.scenario] || houses.full;
    }

    function show(record) {
        const mayRead = mock.roles.some((role) => READERS.includes(role));
        return mayRead ? record : { ...record, prompt: null, answer: null };
    }

    async function api(request, response, url) {
        const { method, headers } = request;
        let text = '';
        for await (const piece of request) text += piece;
        const path = url.pathname.slice(API.length);
        const [thing, id, deed] = path.split('/').map(decodeURIComponent);
        const body = text ? JSON.parse(text) : undefined;
        const query = url.searchParams;
        mock.calls.push({ method, path, headers, body });
        await new Promise((resolve) => { setTimeout(resolve, mock.delay); });
        const reply = refusal(mock, method, thing)
            || THINGS[thing]({ house: house(), mock, thing, method, id, deed, query, body, headers, path, show });
        const etag = reply.etag ? { etag: reply.etag } : {};
        response.writeHead(reply.status, { 'content-type': reply.type, 'cache-control': 'no-store', ...etag });
        response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
    }

    async function page(response, url) {
        const name = normalize(url.pathname.slice(PREFIX.length) || 'index.html');
        const text = await readFile(join(pages, name));
        response.writeHead(200, { 'content-type': TYPES[extname(name)], 'content-security-policy': CSP,
            'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
        response.end(text);
    }

    const server = createServer((request, response) => {
        const url = new URL(request.url, 'http://mock');
        const work = url.pathname.startsWith(API) ? api(request, response, url) : page(response, url);
        work.catch(() => response.writeHead(404, { 'content-type': 'text/plain' }).end('not found'));
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    mock.url = `http://127.0.0.1:${server.address().port}${PREFIX}`;
    mock.close = () => new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
    });
    return mock;
}
