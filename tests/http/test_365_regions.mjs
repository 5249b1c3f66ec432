// A region's rules say who may receive and how long records live: data, not code.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { start as startProvider } from '../fake/provider.mjs';
import { until, useGateway } from './harness.mjs';
import { SAMPLES } from './samples.mjs';
import { send } from './wire.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'cg-rules-'));
chmodSync(folder, 0o755);
writeFileSync(path.join(folder, 'east.rules'), `pack east "Made up"
region east upstreams east,far-east
keep 2s
type CN_RESIDENT_ID block
type EMAIL_ADDRESS mask
`);
writeFileSync(path.join(folder, 'home.rules'), `pack home "Made up, too"
type EMAIL_ADDRESS log
`);
after(() => rmSync(folder, { recursive: true }));

const far = await startProvider({ port: 0 });
const west = await startProvider({ port: 0 });
after(() => Promise.all([far.close(), west.close()]));

const place = (at, ...lines) => [`<Location "/${at}/v1">`, 'ChatGPTEngine on',
    'AuthType ChatGPT', 'AuthName chatgpt', 'Require valid-user',
    'ChatGPTLimit key none', 'ChatGPTLimit address none', ...lines, '</Location>'];

const gw = useGateway({ policy: ['ChatGPTRoute west'], server: [
    `ChatGPTRulesFolder "${folder}"`, 'ChatGPTRules home',
    `ChatGPTUpstream west ${west.url}/v1 env:OPENAI_API_KEY region=west`,
    `ChatGPTUpstream far ${far.url}/v1 env:OPENAI_API_KEY region=far-east`,
    ...place('east', 'ChatGPTRegion east', 'ChatGPTRoute west far'),
    ...place('free', 'ChatGPTRoute west far')] });

const received = (provider) => provider.state.memory.ring
    .filter((one) => one.method === 'POST').length;

const ask = (at, content) => send(`${new URL(gw.api).origin}/${at}/v1/chat/completions`, {
    headers: gw.headers(), body: JSON.stringify({ model: 'gpt-4o-mini',
        messages: [{ role: 'user', content }] }) });

test('only an upstream of the region receives, though another comes first', async () => {
    const before = received(west);
    for (let i = 0; i < 4; i++)
        assert.equal((await ask('east', 'hello')).status, 200);
    assert.equal(received(west), before);
    assert.equal(received(far), 4);
    assert.equal((await ask('free', 'hello')).status, 200);
    assert.equal(received(west), before + 1);
});

test('an upstream that fails is not replaced by one the region forbids', async () => {
    gw.expectLog(/CG5\d{3}/, /\[proxy(?:_http)?:/);
    const before = received(west);
    for (const status of [429, 500, 503]) {
        far.state.script.add([{ status, times: 9 }]);
        const got = await ask('east', 'hello');
        assert.ok(got.status >= 429, got.text);
        assert.equal(received(west), before, 'nothing left the region');
        far.state.script.clear();
        await until(async () => (await ask('east', 'well?')).status === 200,
            { ms: 8000, every: 200, what: 'an upstream that is up' });
    }
});

test('the region says what must be masked, beside the packs of the place', async () => {
    const got = await ask('east', `mail ${SAMPLES.EMAIL_ADDRESS}`);
    assert.equal(got.said, 'You said: mail [EMAIL_ADDRESS]');
    const free = await ask('free', `mail ${SAMPLES.EMAIL_ADDRESS}`);
    assert.equal(free.said, `You said: mail ${SAMPLES.EMAIL_ADDRESS}`);
    const blocked = await ask('east', `身份证 ${SAMPLES.CN_RESIDENT_ID}`);
    assert.equal(blocked.status, 400, blocked.text);
});

test('records say the region, and are gone when its keep is over', async () => {
    const got = await ask('east', 'remember me');
    const id = got.headers['x-request-id'];
    const record = await gw.record(id);
    assert.equal(record.region, 'east');
    assert.equal(record.upstream_region, 'far-east');
    assert.equal(record.label, false);
    const lived = Date.parse(record.keep_until) - Date.parse(record.at);
    assert.ok(lived >= 2000 && lived < 4000, record.keep_until);
    const other = await ask('free', 'remember me');
    const kept = await gw.record(other.headers['x-request-id']);
    assert.equal(kept.region, '');
    assert.equal(kept.keep_until, null);
    await until(async () => (await gw.admin('GET', `/requests/${id}`)).status === 404,
        { ms: 6000, every: 100, what: 'the record to expire' });
    const keys = await gw.store('KEYS', 'cg:{audit}:stream:*');
    await until(async () => !(await gw.store('XRANGE', String(keys).trim(), '-', '+'))
        .includes(id), { ms: 6000, every: 100, what: 'the record to be removed' });
    assert.ok((await gw.records()).every((one) => one.region !== 'east'
        || Date.parse(one.keep_until) > Date.now() - 1000));
    assert.equal((await gw.admin('GET',
        `/requests/${other.headers['x-request-id']}`)).status, 200);
});

const trial = (...lines) => ['<Location "/trial">', 'ChatGPTEngine on', ...lines,
    '</Location>'];

test('configtest refuses a region that no pack speaks for', async () => {
    const said = await gw.configtest(trial('ChatGPTRegion atlantis'));
    assert.equal(said.ok, false);
    assert.match(said.words, /ChatGPTRegion: .*"atlantis" \(.*trial\.conf:3\); legal: east/);
});

test('configtest refuses a place that none of its upstreams may serve', async () => {
    const said = await gw.configtest(trial('ChatGPTRegion east', 'ChatGPTRoute west'));
    assert.equal(said.ok, false);
    assert.match(said.words, /ChatGPTRegion: .*none is in a region that east allows/);
    assert.match(said.words, /trial\.conf:3/);
    const right = await gw.configtest(trial('ChatGPTRegion east', 'ChatGPTRoute far'));
    assert.ok(right.ok, right.words);
});

test('configtest refuses a region that is no name', async () => {
    const said = await gw.configtest([`ChatGPTUpstream x ${far.url}/v1 region=a/b`]);
    assert.equal(said.ok, false);
    assert.match(said.words, /region=NAME/);
});
