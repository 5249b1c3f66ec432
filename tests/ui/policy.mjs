/* The stand-in's redaction policy: catalogue, versions, a check and a second person, as docs/manual/admin-api.md says.
 * SPDX-License-Identifier: Apache-2.0
 */
import { readFileSync } from 'node:fs';
import { iso } from './house.mjs';
import { ROOT } from './pages.mjs';

const ACTIONS = ['allow', 'log', 'partial', 'pseudonym', 'mask', 'block'];
const COUNTRIES = { CN: 'cn', HK: 'cn', TW: 'cn', US: 'us' };
const EUROPE = ['UK', 'FR', 'ES', 'IT', 'FI', 'PL', 'NL', 'DE', 'SE'];

/* Every type that the product has, so that the page is tried with all of them. */
const ROWS = [...readFileSync(`${ROOT}/src/redact/detectors.c`, 'utf8').matchAll(/^ROW\((\w+), "([^"]+)", (true|false)/gm)];

const OWN = ['KEYWORD', 'CUSTOM', 'PERSON', 'LOCATION', 'ORGANIZATION'];

function packOf(name) {
    const [country] = name.split('_');
    if (name.startsWith('SECRET_')) return 'secrets';
    if (EUROPE.includes(country)) return 'eu';
    return COUNTRIES[country] || 'global';
}

function familyOf(name) {
    if (['KEYWORD', 'CUSTOM'].includes(name)) return 'custom';
    if (name.startsWith('SECRET_')) return 'secret';
    return /^(?!IP_)[A-Z]{2}_/.test(name) ? 'identity' : 'general';
}

const TITLES = { global: 'Found everywhere', secrets: 'Secrets', cn: 'Mainland China', eu: 'European Union', us: 'United States' };

export function catalogueOf(approval) {
    const types = ROWS.map(([, name, what, needs]) => ({ name, what, family: familyOf(name), needs_context: needs === 'true',
        needs_pack: !OWN.includes(name) }));
    const packs = Object.entries(TITLES).map(([name, title]) => ({ name, title, types: types
        .filter((one) => packOf(one.name) === name).map((one) => ({ type: one.name,
            action: name === 'secrets' ? 'block' : 'mask' })) }));
    return { types, packs, actions: ACTIONS, approval, in_force: 0 };
}

/* ---- check ---- */

const fault = (pointer, code, detail) => ({ pointer, code, detail });

function faultsOf(document) {
    const faults = [];
    document.lists.forEach((list, i) => {
        if (!list.words.length) faults.push(fault(`/lists/${i}/words`, 'empty', 'a list needs a word'));
        const place = list.words.findIndex((word) => word.length > 256);
        if (place >= 0) faults.push(fault(`/lists/${i}/words/${place}`, 'bad_length', '1 to 256 bytes'));
    });
    document.patterns.forEach((one, i) => {
        if (!/^[\w-]{1,64}$/.test(one.name)) faults.push(fault(`/patterns/${i}/name`, 'bad_name', '1 to 64 letters, digits, - or _'));
        try {
            if (!one.regex) faults.push(fault(`/patterns/${i}/regex`, 'bad_length', '1 to 1000 bytes'));
            RegExp(one.regex);
        } catch {
            faults.push(fault(`/patterns/${i}/regex`, 'bad_regex', 'Missing close parenthesis for group started at index 0.'));
        }
    });
    return faults;
}

const saidOf = (document, name, direction) => {
    const rows = document.types.filter((one) => ['both', direction].includes(one.direction));
    const row = rows.find((one) => one.type === name)
        || rows.find((one) => one.type.endsWith('*') && name.startsWith(one.type.slice(0, -1)));
    return row ? row.action : null;
};

function effectOf(before, after) {
    return after > before ? 'stricter' : after < before ? 'looser' : 'neutral';
}

function typeChanges(before, after) {
    return ROWS.flatMap(([, name]) => ['request', 'answer'].flatMap((direction) => {
        const [was, is] = [saidOf(before, name, direction), saidOf(after, name, direction)];
        if (was === is) return [];
        const rank = (action) => ACTIONS.indexOf(action || (packOf(name) === 'secrets' ? 'block' : 'mask'));
        return [{ pointer: '/types/0', what: `${name} ${direction}`, direction, before: was, after: is,
            effect: effectOf(rank(was), rank(is)) }];
    }));
}

function textChange(pointer, what, before, after, onAdded, onRemoved) {
    const added = after.filter((word) => !before.includes(word));
    const removed = before.filter((word) => !after.includes(word));
    if (!added.length && !removed.length) return [];
    return [{ pointer, what, before: before.length, after: after.length, added: added.slice(0, 50), removed: removed.slice(0, 50),
        effect: removed.length && onRemoved === 'looser' ? 'looser' : added.length ? onAdded : onRemoved }];
}

function namedChanges(part, before, after) {
    const find = (list, name) => list.find((one) => one.name === name);
    const shown = ({ name, words, ...rest }) => (words ? { words: words.length, ...rest } : rest);
    const gone = before[part].filter((one) => !find(after[part], one.name)).map((one, i) => ({ pointer: `/${part}/${i}`,
        what: one.name, before: shown(one), after: null, effect: 'looser' }));
    return [...after[part].flatMap((one, i) => {
        const was = find(before[part], one.name);
        if (!was) return [{ pointer: `/${part}/${i}`, what: one.name, before: null, after: shown(one), effect: 'stricter' }];
        if (one.words) return textChange(`/lists/${i}/words`, `${one.name} words`, was.words, one.words, 'stricter', 'looser');
        return was.regex === one.regex ? [] : [{ pointer: `/patterns/${i}/regex`, what: `${one.name} regex`, before: was.regex,
            after: one.regex, effect: 'looser' }];
    }), ...gone];
}

const EMPTY = { packs: null, locked: false, types: [], lists: [], patterns: [], allowed: [] };

function changesOf(before, after) {
    const locked = before.locked === after.locked ? [] : [{ pointer: '/locked', what: 'locked', before: before.locked,
        after: after.locked, effect: after.locked ? 'stricter' : 'looser' }];
    const packs = JSON.stringify(before.packs) === JSON.stringify(after.packs) ? [] : [{ pointer: '/packs', what: 'packs',
        before: before.packs, after: after.packs, effect: 'looser' }];
    return [...locked, ...packs, ...typeChanges(before, after), ...namedChanges('lists', before, after),
        ...namedChanges('patterns', before, after),
        ...textChange('/allowed', 'allowed', before.allowed, after.allowed, 'looser', 'stricter')];
}

/* ---- versions ---- */

const HOUSE_POLICY = {
    packs: ['global', 'secrets', 'cn', 'eu', 'us'], locked: false,
    types: [{ type: 'EMAIL_ADDRESS', action: 'pseudonym', direction: 'both' },
        { type: 'PHONE_NUMBER', action: 'partial', direction: 'request' }, { type: 'SECRET_*', action: 'block', direction: 'both' }],
    lists: [{ name: 'clients', words: ['Acme Holdings', '蓝鲸计划', 'Project Falcon'], exact: false, whole_word: true,
        action: 'mask' }],
    patterns: [{ name: 'contract', regex: 'CTR-\\d{6}', caseless: true, action: null }],
    allowed: ['@example.com', '4111 1111 1111 1111'],
};

/* Three versions: what was, what is in force, and nothing that waits; see more() for that. */
export function makePolicy() {
    const policy = { approval: 'loosening', versions: [], tokens: new Map() };
    const first = { ...HOUSE_POLICY, lists: [], types: HOUSE_POLICY.types.slice(0, 1) };
    propose(policy, 'mary', { document: first, note: 'First version: e-mail addresses as pseudonyms', base_version: 0 });
    decide(policy, policy.versions[0], 'approved', 'olu');
    propose(policy, 'admin', { document: HOUSE_POLICY, note: '客户名单上线，手机号部分遮盖', base_version: 1 });
    if (policy.versions[1].state === 'pending') decide(policy, policy.versions[1], 'approved', 'olu');
    return policy;
}

export const currentOf = (policy) => policy.versions.find((one) => one.state === 'published');

function put(policy, version) {
    const before = currentOf(policy);
    if (before) before.state = 'superseded';
    Object.assign(version, { state: 'published', published_at: iso(Date.now()) });
}

/* What a call of somebody else would do, without the call. */
export function propose(policy, author, { document, note, base_version: base }) {
    const current = currentOf(policy);
    const changes = changesOf(current ? current.document : EMPTY, document);
    const loosens = changes.some((one) => one.effect === 'looser');
    const version = { version: policy.versions.length + 1, state: 'pending', author, note, created_at: iso(Date.now() - 4000),
        base_version: base || null, loosens, approved_by: null, decided_by: null, decided_at: null, decision_note: null,
        restores: null, published_at: null, document, changes };
    policy.versions.push(version);
    const needs = policy.approval === 'always' || (policy.approval === 'loosening' && loosens);
    if (!needs) put(policy, version);
    return version;
}

export function decide(policy, version, state, by) {
    Object.assign(version, { approved_by: state === 'approved' ? by : null, decided_by: by, decided_at: iso(Date.now()) });
    if (state === 'approved') put(policy, version);
    else version.state = state;
}

/* {status, body} or {status, slug, detail}. */
export function askPolicy(policy, { thing, method, id, deed, query, body, user, may }) {
    const no = (status, slug, detail) => ({ status, slug, detail });
    if (thing === 'policy-catalogue') return { status: 200, body: catalogueOf(policy.approval) };
    if (thing === 'policy-checks') {
        const current = currentOf(policy);
        const changes = changesOf(current ? current.document : EMPTY, body.document);
        return { status: 200, body: { faults: faultsOf(body.document), changes,
            loosens: changes.some((one) => one.effect === 'looser') } };
    }
    const short = ({ document, changes, ...rest }) => rest;
    if (method === 'GET' && !id) {
        const all = [...policy.versions].reverse().map(short);
        const start = Number(query.get('cursor') || 0);
        const end = start + Number(query.get('limit') || 50);
        return { status: 200, body: { items: all.slice(start, end), next_cursor: end < all.length ? String(end) : null } };
    }
    if (method === 'POST' && !id) {
        if (!may.write) return no(403, 'role-required', 'one of these roles is needed: compliance, operator');
        const current = currentOf(policy);
        if (body.base_version !== (current ? current.version : 0)) return no(412, 'changed-meanwhile', 'begin from it');
        if (faultsOf(body.document).length) return no(400, 'invalid-request', 'the document has faults');
        return { status: 201, body: { ...propose(policy, user, body), audit_id: 'a6' } };
    }
    const version = id === 'current' ? currentOf(policy) : policy.versions.find((one) => String(one.version) === id);
    if (!version) return no(404, 'not-found', 'there is no such version');
    if (method === 'GET') return { status: 200, body: version };
    if (deed === 'restore') {
        return { status: 201, body: { ...propose(policy, user, { document: version.document, note: body.note,
            base_version: currentOf(policy).version }), audit_id: 'a7' } };
    }
    if (version.state !== 'pending') return no(409, 'conflict', 'it is decided already');
    if (deed !== 'withdraw' && !may.decide) return no(403, 'role-required', 'one of these roles is needed: approver');
    if (deed === 'approve' && version.author === user) return no(403, 'second-person-required', 'its author cannot approve it');
    decide(policy, version, { approve: 'approved', reject: 'rejected', withdraw: 'withdrawn' }[deed], user);
    return { status: 200, body: { ...version, audit_id: 'a8' } };
}

/* ---- trying a text ---- */

const SHAPES = [
    { type: 'EMAIL_ADDRESS', shape: /[\w.]+@[\w.]+\.\w+/g, why: { reason: 'shape' } },
    { type: 'CREDIT_CARD', shape: /\b4111(?: ?\d{4}){3}/g, why: { reason: 'check_digit', label: 'card' } },
    { type: 'PHONE_NUMBER', shape: /\b1[3-9]\d{9}\b/g, why: { reason: 'shape', label: '手机' } },
    { type: 'CN_RESIDENT_ID', shape: /\b\d{17}[\dX]\b/g, why: { reason: 'check_digit', label: null } },
    { type: 'SECRET_AWS_KEY_ID', shape: new RegExp(`\\b${'AK'}${'IA'}\\w{16}\\b`, 'g'), why: { reason: 'prefix', label: null } },
    { type: 'SECRET_PRIVATE_KEY', shape: /-----BEGIN [A-Z ]+-----/g, why: { reason: 'shape', label: null } },
];
const AT_HOME = { types: [], lists: [], patterns: [{ name: 'project', regex: 'Project \\w+', action: 'log' }] };
const quoted = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function rulesOf(document) {
    const own = (list, type, shapeOf, reason) => list.map((one) => ({ type: type === 'CUSTOM' ? `CUSTOM:${one.name}` : type,
        action: one.action, rule: one.name, shape: shapeOf(one), why: { reason } }));
    const patterns = document.patterns.filter((one) => !faultsOf({ lists: [], patterns: [one] }).length);
    return [...SHAPES.map((one) => ({ ...one, rule: 'built-in' })),
        ...own(document.lists.filter((one) => one.words.length), 'KEYWORD', (one) => new RegExp(one.words.slice(0, 2000)
            .map(quoted).join('|'), 'gi'), 'keyword'),
        ...own(patterns, 'CUSTOM', (one) => new RegExp(one.regex, one.caseless ? 'gi' : 'g'), 'pattern')];
}

export function scan(text, document = AT_HOME) {
    const points = (index) => Array.from(text.slice(0, index)).length;
    const actionOf = (type) => saidOf(document, type.split(':')[0], 'request')
        || (type === 'SECRET_PRIVATE_KEY' ? 'block' : 'mask');
    const found = rulesOf(document).flatMap(({ shape, action, ...entity }) => [...text.matchAll(shape)].map((one) => ({ ...entity,
        action: action || actionOf(entity.type), score: 0.95, text: one[0], at: one.index })));
    found.sort((a, b) => a.at - b.at);
    const entities = found.filter((one) => one.action !== 'allow').map(({ at, text: value, ...entity }) => ({ ...entity,
        start: points(at), end: points(at + value.length) }));
    const writes = { log: (one) => one.text, partial: (one) => '*'.repeat(one.text.length - 4) + one.text.slice(-4),
        pseudonym: (one) => `[[${one.type.split('_')[0]}_k7q2x]]`, mask: (one) => `[${one.type}]`, block: (one) => `[${one.type}]`,
        allow: (one) => one.text };
    const masked = found.reduce((rest, one) => rest.replace(one.text, writes[one.action](one)), text);
    const blocking = entities.find((one) => one.action === 'block');
    return { entities, masked, blocked_by: blocking ? blocking.type : null, audit_id: 'a1' };
}
