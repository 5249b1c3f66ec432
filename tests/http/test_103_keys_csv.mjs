// Keys as CSV: out without secrets, in line by line, and the same by the tool.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';

const gw = useGateway();

const load = (csv, more = {}, who = {}) => gw.admin('POST', '/keys-import',
    { csv, ...more }, who);

test('a file makes keys whose secrets are told once and work', async () => {
    const got = await load('name,team,tags,limits,addresses\n'
        + 'one,red,"csv,a","100/60s 9000tokens/60s",127.0.0.0/8\n'
        + '"two, with a comma",blue,csv,,\n');
    assert.equal(got.status, 200, got.text);
    assert.equal(got.json.created, 2);
    assert.equal(got.json.failed, 0);
    for (const item of got.json.items) {
        assert.equal(item.result, 'created');
        assert.equal((await gw.chat('hi', { key: item.key })).status, 200);
        const seen = (await gw.admin('GET', `/keys/${item.id}`)).json;
        assert.ok(seen.tags.includes('csv'));
        assert.equal(seen.name, item.name);
    }
    assert.deepEqual(got.json.items.map((item) => item.line), [2, 3]);
});

test('no secret of an import is kept anywhere', async () => {
    const got = await load('name\nsecretive\n', {}, { headers:
        { 'idempotency-key': 'csv-1' } });
    const { key } = got.json.items[0];
    const secret = key.slice(12, 55);
    for (const name of (await gw.store('KEYS', '*')).split('\n').filter(Boolean)) {
        const dump = await gw.store('DUMP', name);
        assert.ok(!dump.includes(secret), name);
    }
    assert.ok(!(await gw.log()).includes(secret));
});

test('a file that is sent twice with one Idempotency-Key makes its keys once', async () => {
    const who = { headers: { 'idempotency-key': 'csv-twice' } };
    const first = await load('name\nonly once\n', {}, who);
    const again = await load('name\nonly once\n', {}, who);
    assert.equal(again.status, 200, again.text);
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.match(first.json.items[0].key, /^vk_/);
    assert.equal(again.json.items[0].key, null);
    assert.equal(again.json.items[0].id, first.json.items[0].id);
    const found = await gw.admin('GET', '/keys?q=only%20once');
    assert.equal(found.json.items.length, 1);
    const other = await load('name\nanother\n', {}, who);
    assert.equal(other.status, 422);
});

test('an export has no secret, and imported again it changes nothing',
    async () => {
        const got = await gw.admin('GET', '/keys-export?tag=csv');
        assert.equal(got.status, 200);
        assert.match(got.headers['content-type'], /^text\/csv/);
        const lines = got.text.trim().split('\r\n');
        assert.equal(lines.length, 3);
        assert.match(lines[0], /^id,name,owner,user,team,state,/);
        const back = await load(got.text);
        assert.equal(back.json.unchanged, 2, back.text);
        assert.equal(back.json.items.length, 2);
    });

test('a line with an id changes that key; a dry run does not', async () => {
    const made = await gw.newKey({ name: 'changed', team: 'red',
        limits: ['7/60s'] });
    const csv = `id,team,state\n${made.id},green,\n`;
    const dry = await load(csv, { dry_run: true });
    assert.equal(dry.json.dry_run, true);
    assert.equal(dry.json.items[0].result, 'updated');
    assert.equal((await gw.admin('GET', `/keys/${made.id}`)).json.team, 'red');
    const done = await load(csv);
    assert.equal(done.json.items[0].result, 'updated');
    assert.ok(done.json.items[0].audit_id);
    const seen = (await gw.admin('GET', `/keys/${made.id}`)).json;
    assert.equal(seen.team, 'green');
    assert.deepEqual(seen.limits, ['7/60s']);
    const over = await load(`id,state\n${made.id},revoked\n`);
    assert.equal(over.json.revoked, 1);
    assert.equal((await gw.chat('hi', { key: made.key })).status, 401);
});

test('what is wrong is told by line, and the others are done', async () => {
    const got = await load('name,limits\ngood,\nbad,lots\n,\n"open\n');
    assert.equal(got.status, 200, got.text);
    assert.equal(got.json.created, 1);
    assert.equal(got.json.failed, 3);
    for (const item of got.json.items.filter((one) => one.result === 'failed'))
        assert.ok(item.detail.length > 5 && item.key === null);
});

test('a file that is none is refused as a whole', async () => {
    for (const csv of ['', 'colour\nred\n', 'team\nx\n', `name\n${'x\n'
        .repeat(2100)}`]) {
        const got = await load(csv);
        assert.equal(got.status, 400, csv.slice(0, 20));
        assert.equal(got.json.errors[0].pointer, '/csv');
    }
    assert.equal((await gw.admin('POST', '/keys-import',
        { csv: 'name\nx\n', dry_run: 'yes' })).status, 400);
});

test('viewers export and do not import', async () => {
    assert.equal((await gw.admin('GET', '/keys-export', undefined,
        { as: 'viewer' })).status, 200);
    assert.equal((await load('name\nx\n', {}, { as: 'viewer' })).status, 403);
    assert.equal((await load('name\nx\n', {}, { headers:
        { 'x-chatgpt-console': null, 'sec-fetch-site': 'cross-site' } }))
        .status, 403);
});

test('chatgptctl exports and imports the same file', async () => {
    const out = await gw.ctl(['key', 'export', '--tag', 'csv']);
    assert.equal(out.code, 0, out.stderr);
    const file = path.join(gw.folder, 'keys.csv');
    writeFileSync(file, out.stdout);
    const same = await gw.ctl(['key', 'import', file]);
    assert.equal(same.code, 0, same.stderr);
    assert.ok(same.lines.every((line) => line.result === 'unchanged'));
    writeFileSync(file, `name,tags\n${Array.from({ length: 600 }, (_, i) =>
        `bulk ${i},bulk`).join('\n')}\n`);
    const many = await gw.ctl(['key', 'import', file]);
    assert.equal(many.code, 0, many.stderr);
    assert.equal(many.lines.length, 600);
    for (const at of [0, 255, 256, 599])
        assert.equal((await gw.chat('hi', { key: many.lines[at].key })).status,
            200);
    let cursor = '';
    let seen = 0;
    do {
        const page = (await gw.admin('GET', `/keys?tag=bulk&limit=250${cursor
            && `&cursor=${cursor}`}`)).json;
        seen += page.items.length;
        cursor = page.next_cursor;
    } while (cursor);
    assert.equal(seen, 600);
});
