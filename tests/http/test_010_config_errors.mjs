// A wrong configuration stops the start and says directive, value and what is legal.
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { useGateway } from './harness.mjs';

const gw = useGateway();

const inLocation = (line) => ['<Location "/trial/">', line, '</Location>'];

/** Directive, wrong value, a word the list of legal values must hold. */
const WRONG = [
    ['ChatGPTStoreDown', 'sometimes', /closed.*local.*open/s],
    ['ChatGPTAuditText', 'maybe', /on.*off/is],
    ['ChatGPTLimit', 'key 100', /\/|window|period/i],
    ['ChatGPTLimit', 'key 0/60s', /[1-9]/],
    ['ChatGPTLimit', 'key -5/60s', /[1-9]/],
    ['ChatGPTLimit', 'key 100/0s', /[1-9]/],
    ['ChatGPTLimit', 'key none 100/60s', /nothing/],
    ['ChatGPTLimit', 'key 100/30s leased', /60s or more/],
    ['ChatGPTLimit', 'key 100/60parsecs', /s|min|h/],
    ['ChatGPTLimit', 'planet 100/60s', /key.*address|address.*key/s],
    ['ChatGPTLimit', 'key 99999999999999999999/60s', /[1-9]/],
    ['ChatGPTBudget', 'key 5USD/fortnight', /month/],
    ['ChatGPTBudget', 'key fiveUSD/month', /USD/],
    ['ChatGPTBudget', 'key -1USD/month', /USD/],
    ['ChatGPTRedact', 'CREDIT_CARD shred', /allow.*log.*mask.*block/s],
    ['ChatGPTRedact', 'CREDIT_CARD mask sideways', /request.*answer/s],
    ['ChatGPTRedact', 'NO_SUCH_TYPE mask', /CREDIT_CARD/],
    ['ChatGPTDetector', 'ftp://127.0.0.1/', /http.*unix.*timeout.*fail/s],
    ['ChatGPTDetector', 'http://127.0.0.1/ timeout=1h', /30s/],
    ['ChatGPTDetector', 'http://127.0.0.1/ fail=perhaps', /closed.*open/s],
    ['ChatGPTBodyLimit', 'plenty', /\d/],
    ['ChatGPTBodyLimit', '-1', /\d/],
    ['ChatGPTBodyLimit', '99999999999999999999M', /\d/],
];

for (const [directive, value, legal] of WRONG)
    test(`${directive} ${value} stops the start and says why`, async () => {
        const said = await gw.configtest(inLocation(`${directive} ${value}`));
        assert.equal(said.ok, false, 'httpd -t accepted it');
        assert.ok(said.words.includes(directive), said.words);
        const wrong = value.split(' ').at(-1);
        assert.ok(said.words.includes(wrong)
            || said.words.includes(value.split(' ')[0]), said.words);
        assert.match(said.words.replace(directive, ''), legal);
    });

const RIGHT = ['ChatGPTStoreDown closed', 'ChatGPTStoreDown local',
    'ChatGPTStoreDown open', 'ChatGPTAuditText off',
    'ChatGPTLimit key 100/60s', 'ChatGPTLimit address 100/15min',
    'ChatGPTLimit key 10000tokens/60s', 'ChatGPTLimit key none',
    'ChatGPTBudget key 5USD/month', 'ChatGPTBudget key 0.50USD/month',
    'ChatGPTRedact * mask', 'ChatGPTRedact EMAIL_ADDRESS log',
    'ChatGPTRedact CREDIT_CARD block request',
    'ChatGPTRedact US_SSN mask answer', 'ChatGPTBodyLimit 32M',
    'ChatGPTDetector off', 'ChatGPTDetector https://detector.example.com/find',
    'ChatGPTDetector unix:/run/x.sock:/find timeout=1s fail=open',
    'ChatGPTBodyLimit 512K', 'ChatGPTAllowModel gpt-4o gpt-4o-mini'];

test('every legal form is accepted', async () => {
    const said = await gw.configtest(RIGHT.flatMap(inLocation));
    assert.ok(said.ok, said.words);
});

for (const line of RIGHT)
    test(`${line} is accepted`, async () => {
        const said = await gw.configtest(inLocation(line));
        assert.ok(said.ok, said.words);
    });

test('a directive that does not exist is refused', async () => {
    const said = await gw.configtest(inLocation('ChatGPTTeleport on'));
    assert.equal(said.ok, false);
    assert.match(said.words, /ChatGPTTeleport/);
});

test('a running gateway survives a graceful restart asked of it later',
    async () => {
        process.kill(gw.ready.httpd_pid, 'SIGUSR1');
        for (let i = 0; i < 5; i++)
            assert.equal((await gw.chat('well?')).status, 200);
    });
