// Limits in the admin API: every one in force with its use, set for one object, tried,
// forecast; each change with its difference in the ledger.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, until, useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTLimit key none', 'ChatGPTLimit address none',
    'ChatGPTLimit team 1000/day tz=Europe/Berlin',
    'ChatGPTLimit team+model 500/1h smooth', 'ChatGPTBudget team 20USD/month soft',
    'ChatGPTLimit organization 100000tokens/30d', 'ChatGPTLimit key 20concurrent'] });

const at = (dimension, subject) => `/limits/${dimension}/${
    encodeURIComponent(subject)}`;
const one = async (dimension, subject, query = '') => gw.admin('GET',
    at(dimension, subject) + query);
const put = (dimension, subject, body, match = '"0"', options = {}) => gw.admin(
    'PUT', at(dimension, subject), body,
    { headers: { 'if-match': match }, ...options });
const remove = (dimension, subject, match) => gw.admin('DELETE',
    at(dimension, subject), undefined, { headers: { 'if-match': match } });
const list = async (query) => {
    const got = await gw.admin('GET', `/limits?limit=500${query}`);
    assert.equal(got.status, 200, got.text);
    return got.json.items;
};
const event = (id) => until(async () => {
    const got = await gw.admin('GET', `/admin-events/${id}`);
    return got.status === 200 && got.json;
}, { ms: 5000, what: `the record of ${id}` });

test('every limit in force is there: what it is, where it stands, what is used', async () => {
    const { key, id } = await gw.newKey({ name: 'reader', team: 'red',
        limits: ['40/60s'], budget: '3USD/month' });
    assert.equal((await gw.chat('hi', { key })).status, 200);
    const rows = await list('&q=red');
    const day = rows.find((row) => row.window === 'day');
    assert.deepEqual([day.dimension, day.subject, day.kind, day.quantity, day.algorithm,
        day.mode, day.set_by, day.amount, day.remaining],
    ['team', 'red', 'limit', 'requests', null, 'hard', 'directive', 1000, 999]);
    assert.match(day.limit, /^1000\/day.*tz=Europe\/Berlin/);
    assert.match(day.source, /\S/);
    const length = Date.parse(day.period_to) - Date.parse(day.period_from);
    assert.ok(length >= 23 * 3600e3 && length <= 25 * 3600e3, `${length}`);
    assert.ok(Date.parse(day.resets_at) <= Date.parse(day.period_to) + 2000);
    const soft = rows.find((row) => row.kind === 'budget');
    assert.deepEqual([soft.quantity, soft.mode, soft.amount], ['micros', 'soft', 20e6]);
    const own = await list(`&dimension=key&subject=${id}`);
    assert.deepEqual(own.map((row) => [row.limit, row.set_by, row.label]).sort(), [
        ['20concurrent', 'directive', 'reader'], ['3USD/month', 'key', 'reader'],
        ['40/60s', 'key', 'reader']]);
    assert.equal((await list('&kind=budget')).every((row) => row.quantity === 'micros'),
        true);
    const pair = await list(`&dimension=team%2Bmodel&subject=${
        encodeURIComponent(`red+${MODEL}`)}`);
    assert.deepEqual(pair.map((row) => [row.algorithm, row.used > 0 && row.used < 25]), [['smooth', true]],
        'what a paced limit does not let through at once is not used');
    const everyone = await list('&dimension=organization');
    assert.deepEqual(everyone.map((row) => row.subject), ['default']);
    assert.ok(everyone[0].used > 0);
});

test('what is asked wrongly is told with the legal forms', async () => {
    for (const [query, pointer] of [['dimension=colour', '/dimension'],
        ['kind=dear', '/kind'], ['cursor=zz', '/cursor'], ['scope=team%2Bteam', '/scope']]) {
        const got = await gw.admin('GET', `/limits?${query}`);
        assert.equal(got.status, 400, got.text);
        assert.equal(got.json.errors[0].pointer, pointer);
        assert.match(got.json.errors[0].detail, /team|budget|next_cursor/);
    }
    const cases = [[{ limits: ['100/60x'] }, '/limits/0', /'100\/60x'.*1s to 366d/],
        [{ limits: ['many'] }, '/limits/0', /'many'.*100\/60s/],
        [{ limits: ['5/60s', '5USD/month'] }, '/limits/1', /USD belongs into budgets/],
        [{ budgets: ['100/60s'] }, '/budgets/0', /500USD\/month/],
        [{ limits: ['5/60s', '7/60s'] }, '/limits/1', /already/],
        [{ limits: ['5/month start=40'] }, '/limits/0', /'start=40'.*1 to 28/],
        [{ limits: [] }, '/limits', /at least one/], [{ limit: [] }, '/limit', /no such member/]];
    for (const [body, pointer, words] of cases) {
        const got = await put('team', 'wrong', body);
        assert.equal(got.status, 400, got.text);
        assert.equal(got.json.errors[0].pointer, pointer, got.text);
        assert.match(got.json.errors[0].detail, words);
    }
    assert.equal((await put('colour', 'x', { limits: ['1/1s'] })).status, 400);
    assert.equal((await put('team+model', 'x', { limits: ['1/1s'] })).status, 400);
    assert.equal((await gw.admin('PUT', at('team', 'x'), { limits: ['1/1s'] })).status, 428);
});

test('an object is limited from the console, in force within a second, and freed again', async () => {
    const { key } = await gw.newKey({ name: 'blue one', team: 'blue' });
    const before = await one('team', 'blue');
    assert.deepEqual([before.status, before.headers.etag, before.json.version,
        before.json.items.length], [200, '"0"', 0, 2]);
    const made = await put('team', 'blue', { limits: ['2/1h'], reason: 'a trial month' });
    assert.equal(made.status, 200, made.text);
    assert.deepEqual([made.json.version, made.json.limits, made.json.changed_by],
        [1, ['2/1h'], 'admin']);
    const seen = (await event(made.json.audit_id));
    assert.equal(seen.subject, 'limits/team/blue');
    assert.deepEqual(seen.change, { limits: { before: [], after: ['2/1h'] },
        reason: { before: null, after: 'a trial month' } });
    const now = await one('team', 'blue');
    assert.equal(now.headers.etag, '"1"');
    assert.deepEqual(now.json.items.map((row) => [row.limit, row.set_by]).sort(),
        [['20USD/month soft', 'directive'], ['2/1h', 'console']].sort());
    assert.deepEqual(now.json.replaced.map((row) => row.window), ['day']);
    await until(async () => (await gw.chat('x', { key })).status === 429,
        { ms: 5000, what: 'the limit of 2' });

    assert.equal((await put('team', 'blue', { limits: ['9/1h'] })).status, 412);
    assert.equal((await put('team', 'blue', { limits: ['9/1h'] }, '"7"')).status, 412);
    const more = await put('team', 'blue', { limits: ['9/1h'], budgets: ['1USD/week hard'] }, '"1"');
    assert.equal(more.json.version, 2);
    assert.deepEqual((await event(more.json.audit_id)).change, {
        limits: { before: ['2/1h'], after: ['9/1h'] },
        budgets: { before: [], after: ['1USD/week'] } });
    assert.equal((await remove('team', 'blue', '"1"')).status, 412);
    const gone = await remove('team', 'blue', '"2"');
    assert.deepEqual([gone.status, gone.json.version, gone.json.limits], [200, 0, []]);
    assert.equal((await remove('team', 'blue', '"0"')).status, 404);
    const events = await until(async () => {
        const got = await gw.admin('GET', '/admin-events?subject=limits%2Fteam%2Fblue');
        return got.json.items.length === 3 && got.json.items;
    }, { ms: 5000, what: 'three records' });
    assert.deepEqual(events.map((row) => row.operation),
        ['limits.delete', 'limits.update', 'limits.update']);
    assert.equal((await gw.admin('GET', '/admin-events?subject=limits%2Fteam%2Fblu')).json.items.length, 0);
});

test('two who change the same thing at once: one wins, and the other is told', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, (_, i) => put('user', 'race',
        { limits: [`${i + 1}/60s`] })));
    assert.deepEqual(all.map((got) => got.status).sort(), [200, ...Array(7).fill(412)]);
    assert.equal((await remove('user', 'race', '"1"')).status, 200);
});

test('any name can be limited: of people, with a slash, of two together', async () => {
    for (const [dimension, subject] of [['user', '王小明 & <b>'], ['model', 'acme/x-1'],
        ['team+model', 'R%2BD+acme/x-1'], ['address', '2001:db8::7'], ['vhost', 'api.example']]) {
        const path = `/limits/${encodeURIComponent(dimension)}/${subject.split('/')
            .map(encodeURIComponent).join('/')}`;
        const made = await gw.admin('PUT', path, { limits: ['5/60s'] },
            { headers: { 'if-match': '"0"' } });
        assert.equal(made.status, 200, made.text);
        assert.equal(made.json.subject, subject);
        const found = await list(`&dimension=${encodeURIComponent(dimension)}&subject=${
            encodeURIComponent(subject)}`);
        assert.deepEqual(found.filter((row) => row.set_by === 'console')
            .map((row) => row.limit), ['5/60s']);
        const gone = await gw.admin('DELETE', path, undefined, { headers: { 'if-match': '*' } });
        assert.equal(gone.status, 200, gone.text);
    }
});

test('a change that cannot be made by a viewer is not made', async () => {
    const got = await put('team', 'no', { limits: ['1/1s'] }, '"0"', { as: 'viewer' });
    assert.equal(got.status, 403);
    assert.equal((await one('team', 'no')).json.version, 0);
});

test('burn-down: the records of the period are summed up, and the forecast follows', async () => {
    const { key } = await gw.newKey({ name: 'burner', team: 'burn' });
    for (let i = 0; i < 5; i += 1) assert.equal((await gw.chat('a', { key })).status, 200);
    const row = await until(async () => {
        const got = await one('team', 'burn');
        const found = got.json.items.find((item) => item.window === 'day');
        return found.burn.amounts.reduce((a, b) => a + b, 0) === 5 && found;
    }, { ms: 8000, what: 'five in the bars' });
    const { burn } = row;
    assert.equal(burn.step_seconds, 3600);
    assert.equal(burn.at.length, burn.amounts.length);
    assert.equal(burn.from, row.period_from);
    assert.equal(burn.to, row.period_to);
    assert.ok(burn.rate_per_day >= 5, `${burn.rate_per_day}`);
    assert.ok(burn.projected >= 5);
    assert.equal(burn.is_cut, false);
    const left = Date.parse(burn.to) - Date.now();
    const ends = row.remaining / burn.rate_per_day * 86400e3;
    assert.equal(burn.exhausted_at !== null, ends < left, JSON.stringify(burn));
});

test('where alerts watch a limit, their points tell what was used before the records', async () => {
    const now = Math.floor(Date.now() / 1000);
    const points = [[6, 0], [5, 100], [4, 200], [3, 300], [2, 400], [1, 500]];
    await gw.store('HSET', 'cg:{alert}:burn:team|0/day;tz=Europe/Berlin|0||dots', ...points.flatMap(
        ([hours, used], i) => [`${i}`, `${now - hours * 3600} ${used}`]));
    const got = await one('team', 'dots');
    const { burn } = got.json.items.find((row) => row.window === 'day');
    assert.ok(burn.rate_per_day > 1500 && burn.rate_per_day < 3000, JSON.stringify(burn));
    const sum = burn.amounts.reduce((a, b) => a + b, 0);
    assert.ok(sum <= 500 && sum >= Math.min(500, 100 * (burn.at.length - 2)), `${sum}`);
    assert.equal(burn.is_cut, false);
});
