// Limits of single objects by CSV: out, in, in again; line by line, each recorded.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until, useGateway } from './harness.mjs';

const gw = useGateway({ policy: ['ChatGPTLimit key none', 'ChatGPTLimit address none'] });

const bring = async (csv, dry = false, options = {}) => gw.admin('POST', '/limits-import',
    { csv, dry_run: dry }, options);
const done = async (csv, dry) => {
    const got = await bring(csv, dry);
    assert.equal(got.status, 200, got.text);
    return got.json;
};
const taken = async (query = '') => {
    const got = await gw.admin('GET', `/limits-export${query}`);
    assert.equal(got.status, 200, got.text);
    assert.match(got.headers['content-type'], /^text\/csv/);
    assert.match(got.headers['content-disposition'], /attachment/);
    return got.text;
};
const results = (answer) => answer.items.map((row) => row.result);

const FILE = ['dimension,subject,limits,budgets',
    'team,red,100/60s 10000tokens/day;tz=Europe/Berlin,500USD/month;soft',
    'user,"=cmd|\' /C calc\'!A0",5/60s,', '"team+model","red+gpt-4o",9concurrent,',
    'model,acme/x,,7USD/year;start=04-01'].join('\r\n');

test('a dry run says what would be, and does nothing', async () => {
    const answer = await done(FILE, true);
    assert.deepEqual(results(answer), Array(4).fill('created'));
    assert.equal(answer.dry_run, true);
    assert.equal((await taken()).trim().split('\n').length, 1);
});

test('a file is brought in, and brought in again nothing changes', async () => {
    const answer = await done(FILE);
    assert.deepEqual(results(answer), Array(4).fill('created'), JSON.stringify(answer));
    assert.ok(answer.items.every((row) => row.audit_id));
    assert.deepEqual(results(await done(FILE)), Array(4).fill('unchanged'));
    const seen = await gw.admin('GET', '/limits/team/red');
    assert.deepEqual([seen.json.limits, seen.json.budgets], [
        ['100/60s', '10000tokens/day tz=Europe/Berlin'], ['500USD/month soft']]);
    const record = await until(async () => {
        const got = await gw.admin('GET', `/admin-events/${answer.items[0].audit_id}`);
        return got.status === 200 && got.json;
    }, { ms: 5000, what: 'its record' });
    assert.deepEqual([record.operation, record.subject, record.change.budgets],
        ['limits.import', 'limits/team/red', { before: [], after: ['500USD/month soft'] }]);
});

test('what goes out comes in unchanged, and no cell is a formula', async () => {
    const out = await taken();
    const lines = out.trim().split('\r\n');
    assert.equal(lines.length, 5);
    assert.match(lines[0], /^dimension,subject,limits,budgets,version,changed_at,changed_by$/);
    for (const line of lines) assert.doesNotMatch(line, /(?:^|,|")[=+@-]/, line);
    assert.deepEqual(results(await done(out)), Array(4).fill('unchanged'));
    assert.equal((await taken('?dimension=team')).trim().split('\r\n').length, 2);
    assert.equal((await taken('?q=acme')).trim().split('\r\n').length, 2);
});

test('lines are changed and taken away; columns that are missing leave what stands', async () => {
    assert.deepEqual(results(await done('subject;dimension;limits\nred;team;7/60s\n')), ['updated']);
    const red = (await gw.admin('GET', '/limits/team/red')).json;
    assert.deepEqual([red.limits, red.budgets], [['7/60s'], ['500USD/month soft']]);
    assert.deepEqual(results(await done('dimension,subject,limits,budgets\nteam,red,,\nteam,none,,')),
        ['removed', 'unchanged']);
    assert.equal((await gw.admin('GET', '/limits/team/red')).json.version, 0);
});

test('each line that cannot be says why, and the others are done', async () => {
    const answer = await done(['dimension,subject,limits,budgets', 'colour,x,1/1s,', 'team,,1/1s,',
        'team,a,1/1x,', 'team,b,5USD/month,', 'team,c,1/1s 2/1s,', 'team,d,"1/1s', 'team,e'].join('\n'));
    assert.deepEqual([...new Set(results(answer))], ['failed']);
    assert.match(answer.items[0].detail, /'colour' is no dimension: key, user/);
    assert.match(answer.items[2].detail, /'1\/1x'.*1s to 366d/);
    assert.match(answer.items[3].detail, /USD belongs into budgets/);
    const mixed = await done('dimension,subject,limits\nteam,good,3/60s\nteam,bad,x\n');
    assert.deepEqual([mixed.created, mixed.failed, mixed.items.map((row) => row.line)],
        [1, 1, [2, 3]]);
});

test('a file that is none is refused whole', async () => {
    for (const csv of ['', 'a,b\n1,2', 'dimension,limits\nteam,1/1s', 'dimension,subject,subject\n',
        `dimension,subject\n${'team,a\n'.repeat(2001)}`]) {
        const got = await bring(csv);
        assert.equal(got.status, 400, got.text);
        assert.equal(got.json.errors[0].pointer, '/csv');
    }
    assert.equal((await bring(FILE, false, { as: 'viewer' })).status, 403);
});

test('the same act sent again is answered as before', async () => {
    const once = { headers: { 'idempotency-key': 'limits-1' } };
    const csv = 'dimension,subject,limits\nteam,once,3/60s\n';
    const first = await bring(csv, false, once);
    const second = await bring(csv, false, once);
    assert.equal(first.json.created, 1);
    assert.deepEqual(second.json, first.json);
    assert.equal(second.headers['idempotency-replayed'], 'true');
});
