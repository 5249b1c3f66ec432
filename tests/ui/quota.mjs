/* The stand-in's limits, budgets and alerts, and what is asked about them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It keeps to docs/manual/admin-api.md: rows in force, one object with its burn-down, setting with If-Match, trying a
 * request, tables, alerts. Amounts of money are millionths of a dollar.
 */
const HOUR = 3600000;
const DAY = 24 * HOUR;
const iso = (at) => new Date(at).toISOString();

const SECONDS = { '60s': 60, '1h': 3600, '30d': 2592000 };

/* What a limit is, from how it is written. */
function factsOf(limit) {
    const [core, ...words] = limit.split(' ');
    const [, amount, unit, window = ''] = /^([\d.]+)(\w*?)(?:\/(\w+))?$/.exec(core) || [core, '0', '', ''];
    const quantity = unit === 'USD' ? 'micros' : unit || 'requests';
    const isWindow = window in SECONDS;
    return { limit, kind: quantity === 'micros' ? 'budget' : 'limit', quantity, window,
        window_seconds: isWindow ? SECONDS[window] : null,
        algorithm: isWindow ? ['smooth', 'exact'].find((word) => words.includes(word)) || 'sliding' : null,
        mode: words.includes('soft') ? 'soft' : 'hard', leased: words.includes('leased'), store_down: null,
        amount: Number(amount) * (quantity === 'micros' ? 1e6 : 1) };
}

/* The calendar period that now lies in. */
function periodOf(window, now) {
    const date = new Date(now);
    const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
    const spans = { day: [Date.UTC(year, month, day), Date.UTC(year, month, day + 1)],
        week: [Date.UTC(year, month, day - ((date.getUTCDay() + 6) % 7)), Date.UTC(year, month, day + 7 - ((date.getUTCDay() + 6) % 7))],
        month: [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)], year: [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1)] };
    return spans[window] ? { period_from: iso(spans[window][0]), period_to: iso(spans[window][1]) }
        : { period_from: null, period_to: null };
}

function rowOf({ dimension, subject, label = subject, limit, share, held = 0, set_by = 'directive', source }) {
    const now = Date.now();
    const facts = factsOf(limit);
    const used = Math.floor(facts.amount * share);
    const period = periodOf(facts.window, now);
    const span = facts.window_seconds ? facts.window_seconds * 700 : period.period_to ? Date.parse(period.period_to) - now : 0;
    return { dimension, scope: dimension, subject, label, organization: '', ...facts, used, held: Math.floor(used * held),
        remaining: facts.amount - used, reset_seconds: used ? Math.round(span / 1000) : 0,
        resets_at: used && span ? iso(now + span) : null, ...period, set_by,
        source: source || (set_by === 'console' ? 'console' : set_by === 'key' ? `key ${subject}`
            : `gateway.conf:41, <Location /v1>`) };
}

const FIXED = [
    { dimension: 'team', subject: 'payments', limit: '500USD/month hard', share: 0.83, held: 0.05, set_by: 'console' },
    { dimension: 'team', subject: 'payments', limit: '1000000tokens/day tz=Europe/Berlin', share: 0.42 },
    { dimension: 'team', subject: '研发中心', limit: '2000USD/month soft', share: 1, set_by: 'directive' },
    { dimension: 'team', subject: 'support', limit: '300USD/month', share: 0.11 },
    { dimension: 'user', subject: 'li.wei', limit: '20USD/day', share: 0.37 },
    { dimension: 'model', subject: 'gpt-4o', limit: '5000000tokens/1h smooth', share: 0.64 },
    { dimension: 'team+model', subject: 'payments+gpt-4o', limit: '20concurrent', share: 0.35, set_by: 'console' },
    { dimension: 'organization', subject: 'default', limit: '20000USD/year', share: 0.58 },
    { dimension: 'endpoint', subject: 'chat', limit: '900000000tokens/30d leased', share: 0.21 },
    { dimension: 'address', subject: '10.2.4.19', limit: '100/60s', share: 0.31 },
];

export function makeLimits(keys, roll, probe) {
    const own = keys.slice(0, 40).flatMap((key) => [...key.limits, ...(key.budget ? [key.budget] : [])].map((limit) => rowOf({
        dimension: 'key', subject: key.id, label: key.name, limit, share: Math.min(1, roll() * 1.15), held: 0.1, set_by: 'key' })));
    return [...FIXED.map(rowOf), rowOf({ dimension: 'user', subject: probe, limit: '50/60s', share: 0.2, set_by: 'console' }), ...own];
}

/* What was used by the day or hour, most on working days, and where it leads to. */
function burnOf(row) {
    if (!row.period_from && !(row.window_seconds >= 86400)) return null;
    const now = Date.now();
    const from = row.period_from ? Date.parse(row.period_from) : now - row.window_seconds * 1000;
    const to = row.period_to ? Date.parse(row.period_to) : now;
    const step = to - from <= 8 * DAY ? HOUR : DAY;
    const steps = Math.floor((now - from) / step) + 1;
    const weights = Array.from({ length: steps }, (_, i) => ([0, 6].includes(new Date(from + i * step).getUTCDay()) ? 0.3 : 1)
        * (1 + 0.5 * Math.sin(i * 2.1)));
    const sum = weights.reduce((a, b) => a + b, 0);
    const amounts = weights.map((weight) => Math.floor((row.used * weight) / sum));
    const rate = Math.max(1, Math.round(row.used / Math.max(1, (now - from) / DAY)));
    const end = now + (row.remaining / rate) * DAY;
    const isInTime = row.period_to ? end < to : rate * row.window_seconds / 86400 > row.amount;
    return { from: iso(from), to: iso(to), step_seconds: step / 1000, at: weights.map((_, i) => iso(from + i * step)), amounts,
        is_cut: row.subject === 'support', rate_per_day: rate, projected: Math.round(row.used + rate * Math.max(0, (to - now) / DAY)),
        exhausted_at: isInTime && row.remaining ? iso(end) : null };
}

/* ---- objects ---- */

const NO_OBJECT = { version: 0, changed_at: null, changed_by: '' };

function objectOf(house, dimension, subject) {
    const items = house.limits.filter((row) => row.dimension === dimension && row.subject === subject);
    const said = items.filter((row) => row.set_by === 'console');
    const record = house.overrides.get(`${dimension}/${subject}`)
        || (said.length ? { version: 3, changed_at: iso(Date.now() - 5e6), changed_by: 'anna.berg' } : NO_OBJECT);
    return { dimension, subject, limits: said.filter((row) => row.kind === 'limit').map((row) => row.limit),
        budgets: said.filter((row) => row.kind === 'budget').map((row) => row.limit), ...record,
        label: items.length ? items[0].label : subject, organization: '', items: items.map((row) => ({ ...row, burn: burnOf(row) })),
        replaced: record.version ? [{ ...factsOf('100USD/month'), set_by: 'directive', source: 'gateway.conf:44, <Location /v1>' }] : [] };
}

const fault = (pointer, code, detail) => ({ status: 400, slug: 'invalid-request', detail: '1 fault(s) in the request, see errors',
    errors: [{ pointer, in: 'body', code, detail }] });

function set(house, dimension, subject, body) {
    const all = [...(body.limits || []), ...(body.budgets || [])];
    const now = objectOf(house, dimension, subject);
    const bad = all.findIndex((text) => text.includes('9999/60s'));
    if (bad >= 0) return fault(`/limits/${bad}`, 'bad_limit', `'${all[bad]}': more than this server takes`);
    house.limits = house.limits.filter((row) => row.dimension !== dimension || row.subject !== subject || row.set_by !== 'console');
    house.limits.unshift(...all.map((limit) => rowOf({ dimension, subject, limit, share: 0, set_by: 'console' })));
    house.overrides.set(`${dimension}/${subject}`, all.length ? { version: now.version + 1, changed_at: iso(Date.now()),
        changed_by: 'admin' } : NO_OBJECT);
    return { status: 200, body: { ...objectOf(house, dimension, subject), audit_id: 'a9' } };
}

function withObject({ house, mock, method, dimension, subject, body, headers }) {
    const object = objectOf(house, dimension, subject);
    const etag = `"${object.version}"`;
    if (method === 'GET') return { status: 200, etag, body: object };
    if (mock.scenario === 'stale' || headers['if-match'] !== etag) {
        return { status: 412, slug: 'changed-meanwhile', detail: `it has version ${object.version + 1} now; read it again` };
    }
    return set(house, dimension, subject, method === 'DELETE' ? {} : body);
}

function simulate({ house, body }) {
    if (body.key && !house.keys.some((key) => key.id === body.key)) return fault('/key', 'unknown', 'there is no such key');
    const input = body.input_tokens ?? (body.text || '').length;
    const output = body.max_output_tokens ?? 4096;
    const who = { team: body.team, user: body.user, key: body.key, model: body.model, organization: 'default', endpoint: body.endpoint };
    const costs = { requests: 1, concurrent: 1, tokens: input + output, micros: input * 3 + output * 10 };
    const limits = house.limits.filter((row) => who[row.dimension] === row.subject).map((row) => ({ ...row,
        cost: costs[row.quantity], fits: costs[row.quantity] <= row.remaining,
        fits_at: costs[row.quantity] > row.amount ? null : row.resets_at || iso(Date.now()) }));
    const decided = limits.find((row) => !row.fits && row.mode === 'hard') || null;
    return { status: 200, body: { passes: !decided, status: decided ? 429 : 200, reason: decided ? 'insufficient_quota' : '',
        detail: decided ? `You exceeded your current budget (${decided.limit}, by ${decided.dimension}).` : '', decided_by: decided,
        passes_at: decided ? decided.fits_at : iso(Date.now()), input_tokens: input, tokens_exact: body.input_tokens === undefined,
        output_tokens: output, clamped_to: null, cost_micros: costs.micros, place: 'ai.example.com /v1/chat/completions', limits } };
}

function importCsv({ house, body }) {
    const [head, ...lines] = body.csv.trim().split(/\r?\n/);
    if (!/dimension/.test(head)) return fault('/csv', 'bad_csv', 'the first line must hold the names of the columns');
    const items = lines.map((line, i) => {
        const [dimension, subject, limits = ''] = line.split(',');
        const result = !subject ? 'failed' : limits ? 'created' : 'removed';
        if (!body.dry_run && result === 'created') set(house, dimension, subject, { limits: limits.split(' ') });
        return { line: i + 2, result, dimension, subject, detail: subject ? '' : 'the subject must have 1 to 256 bytes in one line',
            audit_id: body.dry_run ? null : `a${i}` };
    });
    const counts = Object.fromEntries(['created', 'updated', 'removed', 'unchanged', 'failed'].map((name) => [name,
        items.filter((row) => row.result === name).length]));
    return { status: 200, body: { items, dry_run: Boolean(body.dry_run), ...counts } };
}

/* ---- alerts ---- */

const ALERT = { node: 'gw-1.example.com', organization: '', dimension: '', subject: '', subject_name: '', quantity: '', limit: '',
    period: '', pattern: '', note: '', amount: 0, used: 0, held: 0, usual: 0, percent: 0, period_ends_at: null, exhausted_at: null,
    suspended: false, acknowledged_at: null, acknowledged_by: '', acknowledged_note: '', deliveries: [] };

const sent = (way, state = 'sent', tries = 1, error = '') => ({ way, state, tries, error,
    sent_at: state === 'sent' ? iso(Date.now() - 9e5) : null });

export function makeAlerts(keys, probe) {
    const now = Date.now();
    const end = periodOf('month', now).period_to;
    const rows = [
        { kind: 'threshold', dimension: 'team', subject: 'payments', quantity: 'micros', limit: '500USD/month hard', amount: 5e8, used: 4.15e8,
            held: 2e7, percent: 80, period_ends_at: end, summary: 'team payments used 83 % of 500USD/month', summary_zh: '团队 payments 已用 500USD/month 的 83%',
            deliveries: [sent('ops'), sent('finance mail')] },
        { kind: 'forecast', dimension: 'team', subject: 'payments', quantity: 'micros', limit: '500USD/month hard', amount: 5e8, used: 4.1e8,
            period_ends_at: end, exhausted_at: iso(now + 2 * DAY), summary: 'team payments will have used up 500USD/month in 2 days',
            summary_zh: '团队 payments 将在 2 天内用尽 500USD/month', deliveries: [sent('ops', 'waiting', 4, 'HTTP 503')] },
        { kind: 'soft', dimension: 'team', subject: '研发中心', quantity: 'micros', limit: '2000USD/month soft', amount: 2e9, used: 2.1e9, percent: 100,
            summary: 'team 研发中心 passed 2000USD/month soft', summary_zh: '团队 研发中心 已超出软限 2000USD/month',
            acknowledged_at: iso(now - HOUR), acknowledged_by: 'anna.berg', acknowledged_note: 'agreed with finance', deliveries: [sent('ops')] },
        { kind: 'unusual', dimension: 'key', subject: keys[0].id, subject_name: keys[0].name, quantity: 'tokens', pattern: 'quiet', amount: 400000,
            used: 2900000, usual: 21000, suspended: true, summary: `key ${keys[0].name} used 2,900,000 tokens in hours that are usually quiet`,
            summary_zh: `密钥 ${keys[0].name} 在通常安静的时段使用了 2,900,000 token`, deliveries: [sent('ops', 'dead', 12, 'connection refused')] },
        { kind: 'test', subject: 'admin', note: probe, summary: `test alert: ${probe}`, summary_zh: `测试告警：${probe}`,
            acknowledged_at: iso(now - DAY), acknowledged_by: 'admin' },
    ];
    return rows.map((row, i) => ({ ...ALERT, id: `01935fb0-000${i}-7def-8123-0123456789ab`, at: iso(now - i * 7.3e6), ...row }));
}

const WAYS = [{ name: 'ops', kind: 'webhook', url: 'https://hooks.example.com', kinds: ['threshold', 'forecast'], to: [], signed: true },
    { name: 'finance mail', kind: 'mail', url: 'smtps://mail.example.com', kinds: ['threshold'], to: ['finance@example.com'], signed: false }];

function alertsOf({ house, mock, method, id, deed, query, body }) {
    const isAbout = (row) => ['kind', 'subject'].every((name) => !query.get(name) || row[name] === query.get(name))
        && (!query.get('acknowledged') || (query.get('acknowledged') === 'yes') === Boolean(row.acknowledged_at))
        && (!query.get('delivery') || row.deliveries.some((one) => one.state === query.get('delivery')));
    if (!id) return { list: house.alerts.filter(isAbout) };
    const row = house.alerts.find((one) => one.id === id);
    if (!row) return null;
    if (method === 'GET') return { status: 200, body: row };
    if (deed === 'acknowledge' && row.acknowledged_at) return { status: 409, slug: 'conflict', detail: `${row.acknowledged_by} has seen it already` };
    Object.assign(row, { acknowledged_at: iso(Date.now()), acknowledged_by: mock.user, acknowledged_note: body.note || '' });
    return { status: 200, body: { ...row, audit_id: 'a8' } };
}

function testOf({ house, mock, body }) {
    const row = { ...ALERT, id: `01935fb0-1${String(house.alerts.length).padStart(3, '0')}-7def-8123-0123456789ab`, at: iso(Date.now()), kind: 'test',
        subject: mock.user, note: body.note || '', summary: 'test alert', summary_zh: '测试告警',
        deliveries: WAYS.filter((way) => !body.way || way.name === body.way).map((way) => ({ ...sent(way.name, 'waiting', 0) })) };
    house.alerts.unshift(row);
    return { status: 202, body: { ...row, audit_id: 'a7' } };
}

/* ---- what the stand-in is asked ---- */

const isWanted = (row, query) => ['subject', 'dimension', 'kind'].every((name) => !query.get(name) || row[name] === query.get(name));

export const QUOTA = {
    limits: (call) => (call.id ? withObject({ ...call, dimension: call.id, subject: call.path.split('/').slice(2).map(decodeURIComponent).join('/') })
        : { list: call.house.limits.filter((row) => isWanted(row, call.query)) }),
    'limits-import': importCsv,
    'limits-export': () => ({ status: 200, type: 'text/csv', body: 'dimension,subject,limits,budgets\r\n' }),
    'limit-simulations': simulate,
    alerts: alertsOf,
    'alert-ways': () => ({ list: WAYS }),
    'alert-tests': testOf,
};
