/* A stand-in for the gateway's console: the built pages and an admin API whose state a test chooses.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For what a real gateway shows only with much trouble: a store that is away, errors of every kind, an empty house,
 * ten thousand keys, slow answers. It keeps to docs/manual/admin-api.md; what can be shown on the real server is
 * tested there (gateway.test.mjs), not here.
 *
 *   const console_ = await startMock({ pages: '/…/build/console', scenario: 'store_down', roles: ['viewer'] });
 *   console_.url, console_.scenario = 'empty', console_.calls, await console_.close()
 */
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';

export const CSP = ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'"].join('; ');

/* A key's name, a prompt: what a page must show as letters. */
export const PROBE = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>\'"`${window.broken=1}</td>&amp;';

const TYPES = {
    '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
    '.json': 'application/json', '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8',
};

/* The same numbers every time: a linear congruential generator. */
function dice(seed) {
    let state = seed;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 4294967296;
    };
}

const iso = (at) => new Date(at).toISOString();
const pick = (list, roll) => list[Math.floor(roll() * list.length)];

const NAMES = ['billing-bot', 'Li Wei laptop', 'support-assist', 'code-review', '客服机器人', 'nightly-summary',
    'search-rerank', 'legal-drafts', '数据分析平台', 'ci-release-notes', 'hr-faq', 'mobile-app'];
const TEAMS = ['payments', 'platform', 'support', '研发中心', 'legal'];
const PEOPLE = ['li.wei', 'anna.berg', 'm.okafor', '王小明', 'j.silva'];
const MODELS = ['gpt-4o', 'gpt-4o-mini', 'o3-mini', 'text-embedding-3-small'];

function makeKey(i, roll) {
    const id = `k${(0x3f2a10 + i * 7919).toString(16)}`;
    const state = i === 0 ? 'active' : pick(['active', 'active', 'active', 'active', 'suspended', 'expired',
        'revoked'], roll);
    return {
        id, name: i < NAMES.length ? NAMES[i] : `service-${String(i).padStart(5, '0')}`, owner: pick(PEOPLE, roll),
            user: roll() < 0.5 ? pick(PEOPLE, roll) : '', team: pick(TEAMS, roll),
        prefix: `vk_${id.slice(1)}`, last4: Math.floor(roll() * 65536).toString(16).padStart(4, '0'), state,
        models: roll() < 0.5 ? [] : [pick(MODELS, roll), 'gpt-4o*'], limits: roll() < 0.4 ? [] : roll() < 0.5
            ? ['100/60s'] : ['100/60s', '10000tokens/60s'],
        budget: roll() < 0.4 ? '50USD/month' : null, created_at: iso(Date.now() - roll() * 9e9),
            expires_at: roll() < 0.3 ? iso(Date.now() + roll() * 9e9) : null, version: 1 + Math.floor(roll() * 4),
    };
}

const OUTCOMES = [
    { weight: 0.86, decision: 'served', reason: '', status: 200 },
    { weight: 0.05, decision: 'refused', reason: 'rate_limit_exceeded', status: 429 },
    { weight: 0.03, decision: 'refused', reason: 'content_policy_violation', status: 400 },
    { weight: 0.02, decision: 'refused', reason: 'invalid_api_key', status: 401 },
    { weight: 0.02, decision: 'failed', reason: 'upstream_timeout', status: 504 },
    { weight: 0.02, decision: 'aborted', reason: '', status: 200 },
];

const PROMPTS = [
    'Summarise the complaint of the customer [EMAIL_ADDRESS], who paid with card [CREDIT_CARD] on 12 November.',
    '请根据以下工单写一封回复:客户手机 [PHONE_NUMBER],身份证号 [CN_RESIDENT_ID],希望本周五之前退款。',
    'Review this diff and propose a better way.\n\n--- a/deploy.sh\n+++ b/deploy.sh\n@@ -1,3 +1,4 @@\n+export KEY=[SECRET_AWS_KEY_ID]',
    JSON.stringify([{ role: 'system', content: 'You answer briefly.' },
        { role: 'user', content: 'Translate for [EMAIL_ADDRESS]: the parcel has arrived.' }]),
];
const ANSWERS = ['The customer asks for a refund of the November invoice and wants to be called back.',
    '您好!已收到您的退款申请,我们将在周五之前处理完毕。', 'Use the instance role, and rotate the key that was committed.'];

function makeRecord(i, roll, keys) {
    let rest = roll();
    const outcome = OUTCOMES.find((one) => (rest -= one.weight) < 0) || OUTCOMES[0];
    const key = outcome.status === 401 ? null : keys[Math.floor(roll() * Math.min(keys.length, NAMES.length))];
    const isServed = outcome.decision === 'served';
    const model = pick(MODELS, roll);
    const blocked = outcome.reason === 'content_policy_violation';
    const findings = blocked ? [{ type: 'SECRET_PRIVATE_KEY', direction: 'request', count: 1, action: 'block' }]
        : isServed && roll() < 0.35 ? [{ type: 'EMAIL_ADDRESS', direction: 'request', count: 2, action: 'mask' },
            { type: 'CREDIT_CARD', direction: 'request', count: 1, action: 'mask' },
            { type: 'PHONE_NUMBER', direction: 'answer', count: 1, action: 'mask' }].slice(0,
            1 + Math.floor(roll() * 3)) : [];
    const first = isServed ? 180000 + Math.floor(roll() * 900000) : 0;
    const took = isServed ? first + Math.floor(roll() * 4e6) : 300 + Math.floor(roll() * 2000);
    return {
        id: `01935f${(0xa00000 + i).toString(16)}-7abc-7def-8123-${(0x1234567890 + i * 77).toString(16).padStart(12,
            '0')}`, position: `n1/000001-${1000000 - i * 640}`, at: iso(Date.now() - i * 41000 - roll() * 20000),
        key_id: key ? key.id : '', key_name: key ? key.name : '', team: key ? key.team : '', user: key ? key.user
            : '', address: `10.2.${i % 7}.${i % 211}`, vhost: 'ai.example.com', endpoint: model.startsWith('text')
            ? '/v1/embeddings' : '/v1/chat/completions',
        model_asked: model, model_served: isServed ? (roll() < 0.2 ? `${model}-2024-11-20` : model) : '',
            decision: outcome.decision, reason: outcome.reason, status: outcome.status, findings,
        prompt: pick(PROMPTS, roll), prompt_cut: i % 9 === 0, answer: isServed ? pick(ANSWERS, roll) : null,
            answer_cut: false, input_tokens: isServed ? 40 + Math.floor(roll() * 3000) : 0, output_tokens: isServed
            ? 20 + Math.floor(roll() * 900) : 0,
        tokens_from: isServed ? 'provider' : 'none', cost_micros: isServed ? 20 + Math.floor(roll() * 9000) : 0,
            took_micros: took, first_byte_micros: first, attempts: isServed ? 1 : 0, upstream: isServed ? 'openai-eu'
            : '', upstream_request_id: isServed ? `req_${i.toString(16).padStart(8, '0')}` : '', stream: roll() < 0.5,
            hold: true, released: true,
    };
}

function makeStats(from, to, step) {
    const size = step === 'hour' ? 3600000 : 60000;
    const series = { at: [], requests: [], served: [], refused: [], failed: [], aborted: [], input_tokens: [],
        output_tokens: [], cost_micros: [], findings: [] };
    for (let at = Math.ceil(from / size) * size; at < Math.min(to, Date.now()); at += size) {
        const roll = dice((at / size) | 0);
        for (let warm = 0; warm < 4; warm += 1) roll();
        const day = 0.35 + 0.65 * Math.max(0, Math.sin(((at / 3600000) % 24) / 24 * Math.PI * 2 - 1.6));
        const requests = Math.round((size / 60000) * (4 + 22 * day * (0.7 + 0.6 * roll())));
        const refused = Math.round(requests * 0.07 * roll());
        const failed = roll() < 0.12 ? Math.round(requests * 0.1 * roll()) : 0;
        const served = requests - refused - failed;
        const values = { at: iso(at), requests, served, refused, failed, aborted: 0,
            input_tokens: served * Math.round(700 + 500 * roll()),
            output_tokens: served * Math.round(180 + 140 * roll()),
            cost_micros: served * Math.round(2500 + 2200 * roll()), findings: Math.round(served * 0.4 * roll()) };
        for (const name of Object.keys(series)) series[name].push(values[name]);
    }
    return { step, series, totals: {} };
}

function makeHouse({ keysCount, recordsCount }) {
    const roll = dice(20261124);
    const keys = Array.from({ length: keysCount }, (_, i) => makeKey(i, roll));
    const records = Array.from({ length: recordsCount }, (_, i) => makeRecord(i, roll, keys));
    if (records.length) Object.assign(records[0], { prompt: `${PROBE}\n[EMAIL_ADDRESS]`, user: PROBE, answer: PROBE });
    if (keys.length > 3) keys[3].name = PROBE;
    const limits = keys.slice(0, 40).flatMap((key) => key.limits.map((limit) => {
        const amount = Number.parseInt(limit, 10);
        const used = Math.floor(amount * Math.min(1, roll() * 1.15));
        return { scope: 'key', subject: key.id, label: key.name, limit, window_seconds: 60,
            quantity: limit.includes('tokens') ? 'tokens' : 'requests', amount, used, remaining: amount - used,
            reset_seconds: Math.floor(roll() * 60), source: `key ${key.id}` };
    }));
    if (keys.length) limits.push({ scope: 'address', subject: '10.2.4.19', label: '10.2.4.19', window_seconds: 900,
        limit: '100/900s', quantity: 'requests', amount: 100, used: 31, remaining: 69, reset_seconds: 412,
        source: 'ChatGPTLimit address 100/900s (gateway.conf:41)' });
    const budgets = keys.filter((key) => key.budget).slice(0, 12).map((key) => {
        const used = Math.floor(50e6 * Math.min(1, roll() * 1.1));
        return { scope: 'key', subject: key.id, label: key.name, held_micros: 0, reset_seconds: 86400,
            limit: key.budget, amount_micros: 50e6, used_micros: used, remaining_micros: 50e6 - used,
            period: iso(Date.now()).slice(0, 7), source: `key ${key.id}` };
    });
    return { keys, records, limits, budgets, events: records.slice(0,
        8).map((record, i) => ({ id: `ev${i}`, at: record.at, user: 'admin', address: record.address,
        decision: 'changed', status: 200, request_id: record.id,
        operation: ['keys.create', 'keys.update', 'keys.revoke', 'scan.text'][i % 4], subject: i % 4 === 3 ? 'scan'
        : `keys/${keys[i].id}`, change: i % 4 === 3 ? { findings: 3 } : i % 4 === 1
        ? { limits: { before: ['100/60s'], after: ['200/60s', '20000tokens/60s'] },
        owner: { before: '', after: 'anna.berg' } }
        : { state: { before: i % 4 ? 'active' : null, after: i % 4 ? 'revoked' : 'active' } } })) };
}

const EMPTY = { keys: [], records: [], limits: [], budgets: [], events: [] };

const ACCOUNTS = [
    { name: 'openai-eu', url: 'https://api.openai.com/v1', provider: 'openai', state: 'up',
        since: iso(Date.now() - 3.6e7), last_probe_at: iso(Date.now() - 9000), latency_ms: 412, requests: 18231,
        failures: 12, credential: 'file' },
    { name: 'azure-sweden', url: 'https://acme-se.openai.azure.com', provider: 'azure', state: 'down',
        since: iso(Date.now() - 240000), last_probe_at: iso(Date.now() - 4000), latency_ms: 2870, requests: 2209,
        failures: 431, credential: 'env' },
    { name: 'practice', url: 'http://127.0.0.1:18080', provider: 'openai', state: 'unknown', since: null,
        last_probe_at: null, latency_ms: null, requests: 0, failures: 0, credential: 'none' },
];

const POLICIES = [
    { directive: 'ChatGPTRateLimit', value: 'key 100/60s', where: 'vhost ai.example.com, <Location /v1>' },
    { directive: 'ChatGPTRateLimit', value: 'address 100/900s', where: 'vhost ai.example.com, <Location /v1>' },
    { directive: 'ChatGPTRedact', value: 'mask *', where: 'vhost ai.example.com, <Location /v1>' },
    { directive: 'ChatGPTRedact', value: 'block SECRET_PRIVATE_KEY', where: 'vhost ai.example.com, <Location /v1>' },
    { directive: 'ChatGPTStoreDown', value: 'local', where: 'server config' },
];

/* Something like the scanner, for pages only: three shapes, offsets in code points. */
function scan(text) {
    const shapes = [['EMAIL_ADDRESS', /[\w.]+@[\w.]+\.\w+/g, 'mask', 0.95],
        ['CREDIT_CARD', /\b4111(?: ?\d{4}){3}/g, 'mask', 1], ['CUSTOM:project', /Project \w+/g, 'log', 0.8],
        ['SECRET_PRIVATE_KEY', /-----BEGIN [A-Z ]+-----/g, 'block', 1]];
    const points = (index) => Array.from(text.slice(0, index)).length;
    const entities = shapes.flatMap(([type, shape, action,
        score]) => [...text.matchAll(shape)].map((found) => ({ type, start: points(found.index),
        end: points(found.index + found[0].length), score, rule: type.startsWith('CUSTOM:') ? type.slice(7)
        : 'built-in', action })));
    entities.sort((a, b) => a.start - b.start);
    const all = Array.from(text);
    let masked = '';
    let at = 0;
    for (const one of entities) {
        masked += all.slice(at, one.start).join('') + (one.action === 'log' ? all.slice(one.start, one.end).join('')
            : `[${one.type}]`);
        at = one.end;
    }
    const blocking = entities.find((one) => one.action === 'block');
    return { entities, masked: masked + all.slice(at).join(''), blocked_by: blocking ? blocking.type : null,
        audit_id: 'a1' };
}

export async function startMock({ pages, scenario = 'full', roles = ['admin'], user = 'admin', prefix = '/console/' }) {
    const houses = { full: makeHouse({ keysCount: 23, recordsCount: 640 }), empty: EMPTY };
    const mock = { scenario, roles, calls: [], delay: 0 };
    const house = () => {
        if (mock.scenario === 'many' && !houses.many) houses.many = makeHouse({ keysCount: 10000,
            recordsCount: 10000 });
        return houses[mock.scenario] || houses.full;
    };

    function problem(status, slug, detail, errors = []) {
        return { status, type: 'application/problem+json',
            body: { type: `${prefix}api/v1/openapi.json#/x-problems/${slug}`, title: slug, status, detail,
            instance: '01935fa0-7abc-7def-8123-0123456789ab', errors } };
    }

    function list(items, query) {
        const limit = Number(query.get('limit') || 50);
        const start = Number(query.get('cursor') || 0);
        return { status: 200, body: { items: items.slice(start, start + limit),
            next_cursor: start + limit < items.length ? String(start + limit) : null } };
    }

    function findRecords(query) {
        const same = (name, ...members) => (record) => !query.get(name)
            || members.some((member) => record[member] === query.get(name));
        const tests = [same('decision', 'decision'), same('key', 'key_id', 'key_name'), same('team', 'team'),
            same('user', 'user'), same('model', 'model_asked', 'model_served'), same('endpoint', 'endpoint'),
            same('reason', 'reason')];
        const words = (query.get('q') || '').toLowerCase();
        return house().records.filter((record) => tests.every((test) => test(record))
            && (!words || JSON.stringify(record).toLowerCase().includes(words))
            && (!query.get('from') || record.at >= query.get('from')));
    }

    function writeKey(method, id, body) {
        const { keys } = house();
        if (method === 'POST' && !id) {
            if (!body.name) return problem(400, 'invalid-request', '1 fault(s) in the request, see errors',
                [{ pointer: '/name', in: 'body', code: 'empty', detail: 'must not be empty' }]);
            const key = { owner: '', user: '', team: '', models: [], limits: [], budget: null, expires_at: null,
                ...body, id: `n${keys.length}`, prefix: 'vk_4d1e90', last4: '9c1e', state: 'active',
                created_at: iso(Date.now()), version: 1 };
            keys.unshift(key);
            return { status: 201, body: { ...key, key: `vk_4d1e90_${'0123456789abcdef'.repeat(4)}_9c1e`,
                audit_id: 'a2' } };
        }
        const key = keys.find((one) => one.id === id);
        if (!key) return problem(404, 'not-found', 'there is no such key');
        if (mock.scenario === 'stale') return problem(412, 'changed-meanwhile',
            `it has version ${key.version + 1} now; read it again`);
        Object.assign(key, body, { version: key.version + 1 });
        return { status: 200, etag: `"${key.version}"`, body: { ...key, audit_id: 'a3' } };
    }

    function actOnKey(id, deed) {
        const key = house().keys.find((one) => one.id === id);
        if (!key) return problem(404, 'not-found', 'there is no such key');
        if (deed === 'revoke') key.state = 'revoked';
        return { status: 200, body: { ...key, ...(deed === 'rotate'
            ? { key: `vk_4d1e90_${'fedcba9876543210'.repeat(4)}_77aa` } : {}), audit_id: 'a4' } };
    }

    function answer(method, path, query, body) {
        const [thing, id, deed] = path.split('/').map(decodeURIComponent);
        const mayWrite = mock.roles.some((role) => ['admin', 'operator'].includes(role));
        const mayRead = mock.roles.some((role) => ['admin', 'compliance', 'approver'].includes(role));
        if (thing === 'session') return mock.roles.length
            ? { status: 200, body: { user, roles: mock.roles, version: '0.1.0', node: 'gw-1.example.com',
            language_hint: 'en' } } : problem(403, 'role-required', 'one of these roles is needed: viewer');
        if (mock.scenario === 'signed_out') return { status: 401, type: 'text/html', body: '<h1>Unauthorized</h1>' };
        if (thing === 'store') return { status: 200, body: mock.scenario === 'store_down'
            ? { state: 'down', since: iso(Date.now() - 192000), journal_backlog_records: 1284 }
            : { state: 'up', since: iso(Date.now() - 9e6), journal_backlog_records: 0 } };
        if (mock.scenario === 'store_down' && ['keys', 'limits', 'budgets', 'requests', 'stats',
            'admin-events'].includes(thing)) return problem(503, 'store-unavailable', 'connection refused');
        if (mock.scenario === 'errors') return problem(500, 'internal', 'an impossible thing happened');
        if (method !== 'GET' && thing === 'keys' && !mayWrite) return problem(403, 'role-required',
            'one of these roles is needed: operator, admin');
        if (thing === 'scan') return mayRead ? { status: 200, body: scan(body.text) }
            : problem(403, 'role-required', 'one of these roles is needed: compliance, approver, admin');
        if (thing === 'keys' && deed) return actOnKey(id, deed);
        if (thing === 'keys' && (method !== 'GET')) return writeKey(method, id, body);
        if (thing === 'keys' && id) {
            const key = house().keys.find((one) => one.id === id);
            return key ? { status: 200, etag: `"${key.version}"`, body: key }
                : problem(404, 'not-found', 'there is no such key');
        }
        if (thing === 'keys') return list(house().keys, query);
        const withoutTexts = (record) => (mayRead ? record : { ...record, prompt: null, answer: null });
        if (thing === 'requests' && id) {
            const record = house().records.find((one) => one.id === id);
            return record ? { status: 200, body: withoutTexts(record) }
                : problem(404, 'not-found', 'there is no such record');
        }
        if (thing === 'requests') return list(findRecords(query).map(withoutTexts), query);
        if (thing === 'exports') return { status: 200, type: 'application/x-ndjson',
            body: findRecords(query).map((record) => `${JSON.stringify(record)}\n`).join('') };
        const isAsked = (row) => !query.get('subject') || row.subject === query.get('subject');
        if (thing === 'limits' || thing === 'budgets') return list(house()[thing].filter(isAsked), query);
        if (thing === 'admin-events') return list(house().events, query);
        if (thing === 'accounts') return list(mock.scenario === 'empty' ? [] : ACCOUNTS, query);
        if (thing === 'policies') return list(mock.scenario === 'empty' ? [] : POLICIES, query);
        if (thing === 'stats') return { status: 200, body: mock.scenario === 'empty'
            ? { step: query.get('step'), series: { at: [], requests: [] }, totals: {} }
            : makeStats(Date.parse(query.get('from')), Date.parse(query.get('to')), query.get('step')) };
        return problem(404, 'unknown-path', `no such endpoint: ${thing}`);
    }

    async function api(request, response, url) {
        let text = '';
        for await (const piece of request) text += piece;
        const path = url.pathname.slice(`${prefix}api/v1/`.length);
        const body = text ? JSON.parse(text) : undefined;
        mock.calls.push({ method: request.method, path, query: Object.fromEntries(url.searchParams),
            headers: request.headers, body });
        if (mock.delay) await new Promise((resolve) => { setTimeout(resolve, mock.delay); });
        const reply = answer(request.method, path, url.searchParams, body);
        response.writeHead(reply.status, { 'content-type': reply.type || 'application/json',
            'cache-control': 'no-store', ...(reply.etag ? { etag: reply.etag } : {}) });
        response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body));
    }

    async function page(response, url) {
        const name = normalize(url.pathname.slice(prefix.length) || 'index.html');
        const text = await readFile(join(pages, name));
        response.writeHead(200, { 'content-type': TYPES[extname(name)] || 'application/octet-stream',
            'content-security-policy': CSP, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' });
        response.end(text);
    }

    const server = createServer((request, response) => {
        const url = new URL(request.url, 'http://mock');
        const work = url.pathname.startsWith(`${prefix}api/v1/`) ? api(request, response, url) : page(response, url);
        work.catch(() => response.writeHead(404, { 'content-type': 'text/plain' }).end('not found'));
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    mock.url = `http://127.0.0.1:${server.address().port}${prefix}`;
    mock.close = () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); });
    return mock;
}
