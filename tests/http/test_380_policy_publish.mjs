// What is published is in force in every child of every server within a second,
// and touches nothing that is under way.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Gateway } from './gateway.mjs';
import { sleep, until, useGateway } from './harness.mjs';
import { load, troubles } from './load.mjs';
import { current, isSentAsItIs, masksEverywhere, publish, wordList }
    from './policy.mjs';

const IN_FORCE_MS = 1000;
/** Each server compiles for some 500 ms of one core, if it has one to itself. */
const LARGE_MS = 8000;

/** Two servers, three children each, one Redis. */
const second = new Gateway({ policy: ['ChatGPTRedact KEYWORD mask'] });
after(async () => { // first, while its Redis is there
    second.redis = null;
    await second.stop();
});
const gw = useGateway({ redis: true, policy: ['ChatGPTRedact KEYWORD mask'],
    server: ['ChatGPTStoreTimeout 2s'] }, async () => {
    second.redis = gw.redis;
    await second.start();
});

test('nothing is published at first', async () => {
    const got = await gw.admin('GET', '/policy-versions/current');
    assert.equal(got.status, 404, got.text);
    const catalogue = await gw.admin('GET', '/policy-catalogue');
    assert.equal(catalogue.status, 200, catalogue.text);
    assert.equal(catalogue.json.in_force, 0);
    assert.equal(catalogue.json.approval, 'loosening');
    assert.ok(catalogue.json.types.length > 60);
    assert.ok(await isSentAsItIs(gw, 'Falconry'));
});

test('a word is masked by all children of both servers within a second',
    async () => {
        const made = await publish(gw, wordList('Falconry'));
        assert.equal(made.status, 201, made.text);
        assert.equal(made.json.state, 'published');
        const took = await Promise.all([gw, second].map((one) =>
            masksEverywhere(one, 'Falconry')));
        for (const ms of took)
            assert.ok(ms <= IN_FORCE_MS, `in force after ${took} ms`);
        for (const one of [gw, second]) {
            const catalogue = await one.admin('GET', '/policy-catalogue');
            assert.equal(catalogue.json.in_force, made.json.version);
            assert.match(await one.metrics(), new RegExp(
                `^chatgpt_policy_version ${made.json.version}$`, 'm'));
            assert.match(one.log(), /CG9030 policy version 1 is in force/);
        }
    });

test('the record of a request says by which version', async () => {
    const got = await gw.chat('hello');
    const record = await gw.record(got.headers['x-request-id']);
    assert.equal(record.policy_version, (await current(gw)).version);
});

test('a stream goes on by the policy it began with', async () => {
    const words = ['we ', 'know ', 'the ', 'Heronry ', 'well ', 'and ',
        'the ', 'Heronry ', 'knows ', 'us.'];
    gw.script({ chunks: words, gap_ms: 150 });
    let published;
    const flowing = gw.stream('tell me', { onEvent: (one) => {
        if (one.data?.includes('know '))
            published ??= publish(gw, wordList('Falconry', 'Heronry'));
    } });
    const got = await flowing;
    assert.equal((await published).status, 201);
    assert.equal(got.status, 200);
    assert.equal(got.text, words.join(''));
    await masksEverywhere(gw, 'Heronry');
    gw.forget();
    gw.script({ chunks: words });
    const later = await gw.stream('tell me');
    assert.equal(later.text.includes('Heronry'), false, later.text);
    assert.match(later.text, /the \[KEYWORD\] well/);
});

test('nobody under load notices twenty publications', async () => {
    const crowd = load(gw, { width: 8 });
    const words = ['Falconry', 'Heronry'];
    for (let i = 0; i < 20; i++) {
        words.push(`Bird${i}nest`);
        const made = await publish(gw, wordList(...words));
        assert.equal(made.status, 201, made.text);
        assert.equal(made.json.state, 'published');
        await sleep(60);
    }
    await until(async () => (await gw.admin('GET', '/policy-catalogue'))
        .json.in_force === (await current(gw)).version,
    { ms: 3000, what: 'the last version' });
    assert.deepEqual(troubles(await crowd.stop()), {});
    await masksEverywhere(gw, 'Bird19nest');
});

test('a hundred thousand words and a hundred patterns', async () => {
    const words = Array.from({ length: 100000 }, (_, i) =>
        `client ${i.toString(36)} falconer`);
    const patterns = Array.from({ length: 100 }, (_, i) => ({
        name: `ticket${i}`, regex: `\\bTICKET${i}-[0-9]{4}\\b`,
        caseless: true, action: null }));
    const document = { ...wordList(...words), patterns };
    document.lists.push({ name: 'own', words: ['Ospreynest'], exact: false,
        whole_word: false, action: null });
    const made = await publish(gw, document);
    assert.equal(made.status, 201, made.text.slice(0, 300));
    assert.equal(made.json.state, 'pending', 'a list has lost words');
    const approved = await gw.admin('POST',
        `/policy-versions/${made.json.version}/approve`, {},
        { as: 'approver' });
    assert.equal(approved.status, 200, approved.text);
    const took = await Promise.all([gw, second].map((one) =>
        masksEverywhere(one, 'Ospreynest', { ms: LARGE_MS })));
    for (const ms of took)
        assert.ok(ms <= LARGE_MS, `in force after ${took} ms`);
});
