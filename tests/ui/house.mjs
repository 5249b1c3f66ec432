/* Made-up data for the stand-in: the same house every time, with people, keys, requests and the odd attack in a name.
 * SPDX-License-Identifier: Apache-2.0
 */
import { makeIdentity, NO_IDENTITY } from './identity.mjs';
import { makeAlerts, makeLimits } from './quota.mjs';

/* A key's name, a prompt: what a page must show as letters. */
export const PROBE = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>\'"`${window.broken=1}</td>';

const NAMES = ['billing-bot', 'Li Wei laptop', 'support-assist', 'code-review', '客服机器人', 'nightly-summary',
    'search-rerank', 'legal-drafts', '数据分析平台', 'ci-release-notes', 'hr-faq', 'mobile-app'];
const TEAMS = ['payments', 'platform', 'support', '研发中心', 'legal'];
const PEOPLE = ['li.wei', 'anna.berg', 'm.okafor', '王小明', 'j.silva'];
const MODELS = ['gpt-4o', 'gpt-4o-mini', 'o3-mini', 'text-embedding-3-small'];
const STATES = ['active', 'active', 'active', 'active', 'suspended', 'expired', 'revoked'];
const TAGS = [[], [], ['prod'], ['prod', 'billing'], ['试点']];

const OUTCOMES = [
    { weight: 0.86, decision: 'served', reason: '', status: 200 },
    { weight: 0.05, decision: 'refused', reason: 'rate_limit_exceeded', status: 429 },
    { weight: 0.03, decision: 'refused', reason: 'content_policy_violation', status: 400 },
    { weight: 0.02, decision: 'refused', reason: 'invalid_api_key', status: 401 },
    { weight: 0.02, decision: 'failed', reason: 'upstream_timeout', status: 504 },
    { weight: 0.02, decision: 'aborted', reason: '', status: 200 },
];

const FINDINGS = [
    { type: 'EMAIL_ADDRESS', direction: 'request', count: 2, action: 'pseudonym' },
    { type: 'CREDIT_CARD', direction: 'request', count: 1, action: 'partial' },
    { type: 'PHONE_NUMBER', direction: 'answer', count: 1, action: 'mask' },
];
const BLOCKED = [{ type: 'SECRET_PRIVATE_KEY', direction: 'request', count: 1, action: 'block' }];

const PROMPTS = [
    'Summarise the complaint of the customer [[EMAIL_k7q2x]], who paid with card ************1111 on 12 November.',
    '请根据以下工单写一封回复：客户手机 [PHONE_NUMBER]，身份证号 [CN_RESIDENT_ID]，希望本周五之前退款。',
    'Review this diff.\n\n--- a/deploy.sh\n+++ b/deploy.sh\n@@ -1,3 +1,4 @@\n+export KEY=[SECRET_AWS_KEY_ID]',
    JSON.stringify([
        { role: 'system', content: 'You answer briefly.' },
        { role: 'user', content: 'Translate for [EMAIL_ADDRESS]: the parcel has arrived.' },
    ]),
];
const ANSWERS = [
    'The customer asks for a refund of the November invoice and wants to be called back.',
    '您好！已收到您的退款申请，我们将在周五之前处理完毕。',
    'Use the instance role, and rotate the key that was committed.',
];

/* Numbers that look random and are the same every time: a linear congruential generator. */
function dice(seed) {
    let state = seed;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 4294967296;
    };
}

export const iso = (at) => new Date(at).toISOString();
const ago = (seconds) => iso(Date.now() - seconds * 1000);
const pick = (list, roll) => list[Math.floor(roll() * list.length)];

const ACCOUNTS = [
    { name: 'openai-eu', url: 'https://api.openai.com/v1', provider: 'openai', state: 'up',
        since: ago(36000), last_probe_at: ago(9), latency_ms: 412, requests: 18231,
        failures: 12, credential: 'file' },
    { name: 'azure-sweden', url: 'https://acme-se.openai.azure.com', provider: 'azure', state: 'down',
        since: ago(240), last_probe_at: ago(4), latency_ms: 2870, requests: 2209,
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

function makeKey(i, roll) {
    const id = `k${(0x3f2a10 + i * 7919).toString(16)}`;
    return {
        id,
        name: i === 3 ? PROBE : NAMES[i] || `service-${String(i).padStart(5, '0')}`,
        owner: pick(PEOPLE, roll),
        user: roll() < 0.5 ? pick(PEOPLE, roll) : '',
        team: pick(TEAMS, roll),
        prefix: `vk_${id.slice(1)}`,
        last4: Math.floor(roll() * 65536).toString(16).padStart(4, '0'),
        state: i === 0 ? 'active' : pick(STATES, roll),
        models: roll() < 0.5 ? [] : [pick(MODELS, roll), 'gpt-4o*'],
        limits: pick([[], ['100/60s'], ['100/60s', '10000tokens/60s']], roll),
        budget: roll() < 0.4 ? '50USD/month' : null,
        created_at: ago(roll() * 9e6),
        expires_at: roll() < 0.3 ? ago(-roll() * 9e6) : null,
        version: 1 + Math.floor(roll() * 4),
        tags: TAGS[i % TAGS.length],
        endpoints: i % 4 ? [] : ['chat', 'embeddings'],
        addresses: i % 4 ? [] : ['10.0.0.0/8', '2001:db8::/32'],
        vhosts: [],
        hours: i % 4 ? '' : 'mon-fri 08:00-18:00 Asia/Shanghai',
        last_used_at: i % 3 ? ago(i * 1777) : null,
        previous_until: null,
        previous_used_at: null,
        previous_last4: '',
        ...(i === 1 ? { state: 'rotating', expires_at: ago(-6 * 86400), previous_until: ago(-50000),
            previous_used_at: ago(190), previous_last4: '7f21' } : {}),
    };
}

function outcomeOf(roll) {
    let rest = roll();
    return OUTCOMES.find((one) => {
        rest -= one.weight;
        return rest < 0;
    }) || OUTCOMES[0];
}

function findingsOf(outcome, roll) {
    if (outcome.reason === 'content_policy_violation') return BLOCKED;
    return outcome.decision === 'served' && roll() < 0.35 ? FINDINGS.slice(0, 1 + Math.floor(roll() * 3)) : [];
}

/* What only a request has that was answered. */
function billOf(model, i, roll) {
    const first = 180000 + Math.floor(roll() * 900000);
    return {
        model_served: roll() < 0.2 ? `${model}-2024-11-20` : model,
        answer: pick(ANSWERS, roll),
        input_tokens: 40 + Math.floor(roll() * 3000),
        output_tokens: 20 + Math.floor(roll() * 900),
        tokens_from: 'provider',
        cost_micros: 20 + Math.floor(roll() * 9000),
        took_micros: first + Math.floor(roll() * 4e6),
        first_byte_micros: first,
        attempts: 1,
        upstream: 'openai-eu',
        upstream_request_id: `req_${i.toString(16).padStart(8, '0')}`,
    };
}

function makeRecord(i, roll, keys) {
    const { decision, reason, status } = outcomeOf(roll);
    const key = status === 401 ? {} : keys[Math.floor(roll() * Math.min(keys.length, NAMES.length))];
    const model = pick(MODELS, roll);
    return {
        id: `01935f${(0xa00000 + i).toString(16)}-7abc-7def-8123-0123456789ab`,
        position: `n1/000001-${10000000 - i * 640}`,
        at: ago(i * 41 + roll() * 20),
        key_id: key.id || '',
        key_name: key.name || '',
        team: key.team || '',
        user: key.user || '',
        address: `10.2.${i % 7}.${i % 211}`,
        vhost: 'ai.example.com',
        endpoint: model.startsWith('text') ? '/v1/embeddings' : '/v1/chat/completions',
        model_asked: model,
        model_served: '',
        decision,
        reason,
        status,
        findings: findingsOf({ decision, reason }, roll),
        prompt: pick(PROMPTS, roll),
        prompt_cut: i % 9 === 0,
        answer: null,
        answer_cut: false,
        input_tokens: 0,
        output_tokens: 0,
        tokens_from: 'none',
        cost_micros: 0,
        took_micros: 300 + Math.floor(roll() * 2000),
        first_byte_micros: 0,
        attempts: 0,
        upstream: '',
        upstream_request_id: '',
        stream: roll() < 0.5,
        ...(i % 5 === 0 ? { region: 'cn', upstream_region: 'cn', label: true, policy_version: 2, opaque: 'image=1' } : {}),
        ...(decision === 'served' ? billOf(model, i, roll) : {}),
    };
}

const DEEDS = [
    { operation: 'keys.create', change: { state: { before: null, after: 'active' }, owner: { before: null, after: '' } } },
    { operation: 'keys.update', change: { limits: { before: ['100/60s'], after: ['200/60s', '20000tokens/60s'] },
        owner: { before: '', after: 'anna.berg' } } },
    { operation: 'keys.revoke', change: { state: { before: 'active', after: 'revoked' } } },
    { operation: 'limits.update', subject: 'limits/team/payments', user: 'anna.berg', change: { limits: { before: ['100/60s', '20concurrent'],
        after: ['20concurrent'] }, budgets: { before: ['400USD/month'], after: ['500USD/month hard'] },
        reason: { before: null, after: 'agreed for November' } } },
    { operation: 'scan.text', subject: 'scan', change: { findings: 3 } },
    { operation: 'keys.create', subject: 'keys', change: null, decision: 'denied', status: 403, user: 'v.chen' },
];

function eventsOf(keys) {
    return Array.from({ length: 10 }, (_, i) => ({ id: `ev${i}`, at: ago(i * 5000), user: 'admin', address: '10.2.0.9',
        decision: 'changed', status: 200, subject: `keys/${keys[i].id}`, request_id: `r${i}`, ...DEEDS[i % DEEDS.length] }));
}

export function makeHouse(keyCount, recordCount) {
    const roll = dice(20261124);
    const keys = Array.from({ length: keyCount }, (_, i) => makeKey(i, roll));
    const records = Array.from({ length: recordCount }, (_, i) => makeRecord(i, roll, keys));
    Object.assign(records[0], { prompt: `${PROBE}\n[EMAIL_ADDRESS]`, user: PROBE, answer: PROBE });
    return { keys, records, limits: makeLimits(keys, roll, PROBE), overrides: new Map(), alerts: makeAlerts(keys, PROBE),
        events: eventsOf(keys), accounts: ACCOUNTS, policies: POLICIES, ...makeIdentity(keys, records, PROBE) };
}

export const EMPTY_HOUSE = { keys: [], records: [], limits: [], overrides: new Map(), alerts: [], events: [], accounts: [], policies: [],
    ...NO_IDENTITY };

/* A day that is busy in the evening, by the minute or the hour. */
function momentOf(at, minutes) {
    const roll = dice((at / 60000) | 0);
    for (let warm = 0; warm < 4; warm += 1) roll();
    const day = 0.35 + 0.65 * Math.max(0, Math.sin((((at / 3600000) % 24) / 24) * Math.PI * 2 - 1.6));
    const requests = Math.round(minutes * (4 + 22 * day * (0.7 + 0.6 * roll())));
    const refused = Math.round(requests * 0.07 * roll());
    const failed = roll() < 0.12 ? Math.round(requests * 0.1 * roll()) : 0;
    const served = requests - refused - failed;
    return { at: iso(at), requests, served, refused, failed, aborted: 0,
        input_tokens: served * Math.round(700 + 500 * roll()), output_tokens: served * Math.round(180 + 140 * roll()),
        cost_micros: served * Math.round(2500 + 2200 * roll()), findings: Math.round(served * 0.4 * roll()) };
}

export function makeStats(from, to, step) {
    const minutes = step === 'hour' ? 60 : 1;
    const size = minutes * 60000;
    const moments = [];
    const end = Math.min(to, Date.now());
    for (let at = Math.ceil(from / size) * size; at < end; at += size) moments.push(momentOf(at, minutes));
    const names = Object.keys(momentOf(0, 1));
    return { step, series: Object.fromEntries(names.map((name) => [name, moments.map((one) => one[name])])), totals: {} };
}

