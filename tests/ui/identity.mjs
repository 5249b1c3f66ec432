/* The stand-in's identity: signing keys, JWT issuers, credentials, people and teams, and what is asked about them.
 * SPDX-License-Identifier: Apache-2.0
 */
const iso = (at) => new Date(at).toISOString();
const ago = (seconds) => iso(Date.now() - seconds * 1000);

const SIGNING_KEYS = [
    { id: 'sk_billing', name: 'billing-bot', algorithm: 'ed25519', key: 'k3f2a10', user: '', team: '', state: 'active',
        created_at: ago(8e5), expires_at: null, last_used_at: ago(44), version: 1,
        public_key: '-----BEGIN PUBLIC KEY-----\nMCow…\n-----END PUBLIC KEY-----\n' },
    { id: 'sk_hsm', name: 'HSM 支付网关', algorithm: 'ecdsa-p256-sha256', key: '', user: '', team: 'payments',
        state: 'suspended', created_at: ago(2e6), expires_at: ago(-4e6), last_used_at: ago(9e5), version: 3,
        public_key: '-----BEGIN PUBLIC KEY-----\nMFkw…\n-----END PUBLIC KEY-----\n' },
    { id: 'sk_old', name: 'old laptop', algorithm: 'hmac-sha256', key: '', user: 'li.wei', team: '', state: 'revoked',
        created_at: ago(9e6), expires_at: null, last_used_at: null, version: 2, public_key: null },
];

const ISSUERS = [
    { name: 'corp', issuer: 'https://idp.example.com/realms/corp', audience: ['gateway'], algorithms: ['RS256', 'ES256'],
        jwks: 'https://idp.example.com/realms/corp/certs', state: 'ok', refreshed_at: ago(840), tried_at: ago(840),
        error: null, keys: [{ kid: '2026-11', alg: 'RS256', kty: 'RSA' }, { kid: '2026-05', alg: 'ES256', kty: 'EC' }] },
    { name: 'partner', issuer: 'https://login.partner.example', audience: ['gateway', 'gateway-test'],
        algorithms: ['EdDSA'], jwks: 'https://login.partner.example/jwks', state: 'stale', refreshed_at: ago(9e4),
        tried_at: ago(31), error: 'connection refused', keys: [{ kid: 'p1', alg: 'EdDSA', kty: 'OKP' }] },
    { name: 'new', issuer: 'https://new.example', audience: ['gateway'], algorithms: ['RS256'],
        jwks: 'https://new.example/jwks', state: 'failed', refreshed_at: null, tried_at: ago(12),
        error: 'HTTP 404', keys: [] },
    { name: 'local', issuer: 'https://ci.example', audience: ['gateway'], algorithms: ['HS256'], jwks: 'secret',
        state: 'ok', refreshed_at: null, tried_at: null, error: null, keys: [{ kid: '', alg: 'HS256', kty: 'oct' }] },
];

const CREDENTIALS = [
    { name: 'openai-main', state: 'ok', version: 3, created_at: ago(9e6), changed_at: ago(4e5), kek_id: 'k2026b', in_force: 3,
        used_by: ['openai-eu', 'openai-us'] },
    { name: 'azure', state: 'ok', version: 1, created_at: ago(2e6), changed_at: ago(2e6), kek_id: 'k2026a', in_force: 1,
        used_by: ['azure-sweden'] },
    { name: 'tampered', state: 'unreadable', version: 2, created_at: ago(2e6), changed_at: ago(1e6), kek_id: 'k2025', in_force: 1,
        used_by: ['practice'] },
    { name: 'it\'s not there', state: 'missing', version: 0, created_at: null, changed_at: null, kek_id: '', in_force: 0,
        used_by: ['practice'] },
];

/* People and teams as the gateway gathers them: from keys and from records. */
function groupsOf(keys, records, isTeams) {
    const groups = new Map();
    const group = (name) => {
        if (name && !groups.has(name)) {
            groups.set(name, { name, keys: 0, active_keys: 0, owned_keys: 0, requests: 0, cost_micros: 0, last_used_at: null,
                expires_at: null, others: new Set() });
        }
        return groups.get(name) || { others: new Set() };
    };
    for (const key of keys) {
        const mine = group(isTeams ? key.team : key.user);
        mine.keys += 1;
        mine.active_keys += key.state === 'active' ? 1 : 0;
        mine.others.add(isTeams ? key.user : key.team);
        if (key.state === 'active' && key.expires_at) mine.expires_at = key.expires_at;
        if (!isTeams) group(key.owner).owned_keys += 1;
    }
    for (const record of records) {
        const mine = group(isTeams ? record.team : record.user);
        mine.requests += 1;
        mine.cost_micros += record.cost_micros;
        mine.others.add(isTeams ? record.user : record.team);
        if (!mine.last_used_at || record.at > mine.last_used_at) mine.last_used_at = record.at;
    }
    return [...groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ others, owned_keys, ...row }) => {
        const names = [...others].filter(Boolean).sort();
        return isTeams ? { ...row, people: names.length } : { ...row, owned_keys, teams: names };
    });
}

export function makeIdentity(keys, records, probe) {
    const signingKeys = structuredClone(SIGNING_KEYS);
    signingKeys[2].name = probe;
    return { issuers: structuredClone(ISSUERS), credentials: CREDENTIALS, signingKeys, people: groupsOf(keys, records, false),
        teams: groupsOf(keys, records, true) };
}

export const NO_IDENTITY = { issuers: [], credentials: [], signingKeys: [], people: [], teams: [] };

/* ---- what is asked ---- */

const gathered = (items) => ({ items, next_cursor: null, keys_read: 23, records_read: 640, since: ago(26000), is_cut: false });

/* A token is good if it says so; else the rule that refuses it stands in it. */
function tryToken(token) {
    const [, rule] = token.match(/rule-([\w-]+)/) || [];
    if (rule) {
        return { accepted: false, issuer: 'corp', rule, detail: `refused by ${rule}`, user: null, team: null, roles: [],
            expires_at: null };
    }
    return { accepted: true, issuer: 'corp', rule: null, detail: '', user: 'anna.berg', team: 'payments',
        roles: ['staff', 'ml'], expires_at: ago(-3000), identity_lines: ['team %{chatgpt_claim:team} (vhost ai.example.com)'] };
}

/* Each line "name,…": an empty name fails. */
function importKeys({ csv, dry_run }) {
    const lines = csv.trim().split('\n').slice(1);
    const items = lines.map((text, i) => {
        const name = text.split(',')[0];
        const result = name ? 'created' : 'failed';
        return { line: i + 2, result, id: name ? `i${i}` : null, name, key: name && !dry_run ? `secret-of-${name}` : null,
            detail: name ? '' : 'name: must not be empty', audit_id: null };
    });
    const sum = (result) => items.filter((one) => one.result === result).length;
    return { items, dry_run, created: sum('created'), updated: 0, revoked: 0, unchanged: 0, failed: sum('failed') };
}

function makeSigningKey(list, body) {
    const made = { key: '', user: '', team: '', expires_at: null, public_key: null, id: `sk_${list.length}`, ...body,
        state: 'active', created_at: iso(Date.now()), last_used_at: null, version: 1 };
    list.unshift(made);
    return made.algorithm === 'hmac-sha256' ? { ...made, secret: 'c2hvd24gb25jZQ==' } : made;
}

/* One row a thing, as in mock.mjs; answers {status, body, etag} or null for what is not there. */
export const IDENTITY = {
    people: ({ house }) => ({ body: gathered(house.people) }),
    teams: ({ house }) => ({ body: gathered(house.teams) }),
    credentials: ({ house }) => ({ body: { items: house.credentials, next_cursor: null } }),
    'token-checks': ({ body }) => ({ body: tryToken(body.token) }),
    'keys-import': ({ body }) => ({ body: importKeys(body) }),
    'keys-export': ({ house }) => ({ body: `id,name\r\n${house.keys.map((key) => `${key.id},"${key.team}"`).join('\r\n')}`,
        type: 'text/csv' }),
    issuers({ house, method, id }) {
        if (!id) return { body: { items: house.issuers, next_cursor: null } };
        const issuer = house.issuers.find((one) => one.name === id);
        if (method === 'POST') Object.assign(issuer, { state: 'ok', refreshed_at: iso(Date.now()), error: null });
        return { body: issuer };
    },
    'signing-keys': ({ house, method, id, deed, body }) => {
        const list = house.signingKeys;
        if (!id) return method === 'POST' ? { status: 201, body: makeSigningKey(list, body) }
            : { body: { items: list, next_cursor: null } };
        const key = list.find((one) => one.id === id);
        if (!key) return null;
        if (method === 'PATCH') Object.assign(key, body, { version: key.version + 1 });
        if (deed === 'revoke') key.state = 'revoked';
        return { body: key, etag: `"${key.version}"` };
    },
};
