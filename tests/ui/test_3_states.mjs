/* States that a real gateway shows only with much trouble: nothing there yet, the store away, errors, refusals, ten
 * thousand keys, somebody faster. Against the stand-in of mock.mjs.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { marked, settled } from './browser.mjs';
import { PROBE } from './house.mjs';
import { useStand } from './stand.mjs';

const stand = useStand();
const { at } = stand;

test('an empty house says what to do first', async () => {
    stand.mock.scenario = 'empty';
    await at('keys', async (page) => {
        await page.getByText('No keys yet').waitFor();
        await page.locator('.blank .primary').click();
        await page.getByRole('dialog', { name: 'Create key' }).waitFor();
    });
    await at('overview', (page) => page.getByText('No requests in this time.').waitFor());
    await at('requests', (page) => page.getByText('No requests yet').waitFor());
});

test('a store that is away is a banner on every page, and goes when it is back', async () => {
    stand.mock.scenario = 'store_down';
    await at('keys', async (page) => {
        await page.getByText('1,284 records wait to be moved').waitFor();
        await page.getByText('The store does not answer.').waitFor();
        stand.mock.scenario = 'full';
        await page.getByRole('button', { name: 'Try again' }).click();
        await page.locator('tbody tr').first().waitFor();
        await page.getByText('1,284 records').waitFor({ state: 'detached', timeout: 15000 });
    });
});

test('a record that is away comes by itself, first after a second and then later', async () => {
    await at('requests', async (page) => {
        const asked = [];
        await page.route('**/api/v1/requests/*', (route) => {
            asked.push(Date.now());
            return route.fulfill({ status: 503, json: {} });
        }, { times: 2 });
        await page.locator('tbody tr').first().click();
        await page.locator('.panel .blank.bad').waitFor();
        await page.locator('.panel .facts').first().waitFor();
        assert.equal(asked.length, 2);
        assert.ok(asked[1] - asked[0] >= 1000 && Date.now() - asked[1] >= 2000, 'no crowd at a door that is closed');
    });
});

test('a slow answer is waited for; nothing asks again over it', async () => {
    const { page } = await stand.tab({ language: 'en' });
    await page.clock.install();
    const held = [];
    await page.route('**/api/v1/store', (route) => { held.push(route); });
    await stand.open(page, 'keys');
    await page.getByText('Store unknown').waitFor();
    const others = page.waitForRequest('**/api/v1/policy-versions*');
    await page.clock.fastForward(31000);
    await others;
    assert.equal(held.length, 1);
    await held[0].continue();
    await page.getByText('Store up').waitFor();
    const next = page.waitForRequest('**/api/v1/store');
    await page.clock.fastForward(11000);
    await next;
    await page.context().close();
});

test('an error shows words, the server\'s sentence and the id to look for', async () => {
    stand.mock.scenario = 'errors';
    await at('keys', async (page) => {
        await page.getByText('Something failed in the server.').waitFor();
        await page.getByText('an impossible thing happened').waitFor();
        await page.getByText('01935fa0-7abc-7def-8123-0123456789ab').waitFor();
    });
});

test('who is signed out or has no role is told so', async () => {
    stand.mock.scenario = 'signed_out';
    await at('keys', (page) => page.getByRole('button', { name: 'Sign in again' }).waitFor());
    Object.assign(stand.mock, { scenario: 'full', roles: [] });
    await at('', (page) => page.getByText('This is not for your role.').waitFor());
});

test('a viewer sees no button that writes, no text, no page of others', async () => {
    stand.mock.roles = ['viewer'];
    await at('keys', async (page) => {
        await settled(page);
        assert.equal(await page.getByRole('button', { name: 'Create key' }).count(), 0);
        await page.locator('tbody a').first().click();
        await page.locator('.panel .facts').waitFor();
        assert.equal(await page.locator('.panel footer').count(), 0);
        assert.equal(await page.getByRole('link', { name: 'Try a text' }).count(), 0);
    });
    await at('requests', async (page) => {
        await page.locator('tbody a').nth(1).click();
        await page.getByText('Texts are shown to the compliance role only.').first().waitFor();
        assert.equal(await page.getByRole('link', { name: 'Export JSONL' }).count(), 0);
    });
    await at('scan', (page) => page.getByText('This is not for your role.').waitFor());
});

test('a write carries the console\'s header, a key against doubles, and the version it changes', async () => {
    await at('keys', async (page) => {
        await page.getByRole('button', { name: 'Create key' }).click();
        await page.getByRole('dialog').getByLabel('Name').fill('nightly');
        await page.getByRole('button', { name: 'Add a limit' }).click();
        await page.getByRole('dialog').getByLabel('Amount').fill('100');
        await page.getByRole('dialog').getByLabel('Budget').fill('5');
        await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
        await page.locator('#new-key').waitFor();
        const made = stand.mock.calls.find((call) => call.method === 'POST');
        assert.deepEqual(made.body, { name: 'nightly', limits: ['100/60s'], budget: '5USD/month' });
        assert.equal(made.headers['x-chatgpt-console'], '1');
        assert.match(made.headers['idempotency-key'], /^[0-9a-f]{32}$/);
        assert.equal(made.headers['sec-fetch-site'], 'same-origin');
        await page.keyboard.press('Escape');
        await page.locator('#new-key').waitFor();
        await page.getByLabel('I have stored the key').check();
        await page.getByRole('button', { name: 'Done' }).click();
        await page.locator('tbody tr', { hasText: 'nightly' }).first().click();
        await page.getByRole('button', { name: 'Edit' }).click();
        await page.getByRole('dialog').getByLabel('Team').fill('night');
        await page.getByRole('button', { name: 'Save changes' }).click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        const changed = stand.mock.calls.find((call) => call.method === 'PATCH');
        assert.deepEqual(changed.body, { team: 'night' });
        assert.equal(changed.headers['if-match'], '"1"');
    });
});

test('a lost answer is tried again under the same key, a refused form under a new one', async () => {
    await at('keys', async (page) => {
        await page.getByRole('button', { name: 'Create key' }).click();
        const send = page.getByRole('dialog').getByRole('button', { name: 'Create key' });
        await page.getByRole('dialog').getByLabel('Name').fill(' ');
        await send.click();
        await page.getByText('Must not be empty').waitFor();
        await page.route('**/api/v1/keys', (route) => (route.request().method() === 'POST' ? route.abort()
            : route.continue()), { times: 1 });
        await page.getByRole('dialog').getByLabel('Name').fill('again');
        const lost = page.waitForRequest((request) => request.method() === 'POST');
        await send.click();
        const key = (await lost).headers()['idempotency-key'];
        await page.getByText('The server does not answer.').waitFor();
        await send.click();
        await page.locator('#new-key').waitFor();
        const keys = stand.mock.calls.filter((call) => call.method === 'POST').map((call) => call.headers['idempotency-key']);
        assert.equal(keys.length, 2);
        assert.equal(keys[1], key);
        assert.notEqual(keys[0], key);
    }).catch((error) => { if (!/ERR_FAILED/.test(error.message)) throw error; });
});

test('a replay without its secret says how to go on', async () => {
    await at('keys', async (page) => {
        await page.route('**/api/v1/keys', async (route) => {
            if (route.request().method() !== 'POST') return route.continue();
            return route.fulfill({ status: 201, json: { id: 'n1', name: 'replayed', key: null, state: 'active',
                models: [], limits: [], budget: null, audit_id: 'a' } });
        });
        await page.getByRole('button', { name: 'Create key' }).click();
        await page.getByRole('dialog').getByLabel('Name').fill('replayed');
        await page.getByRole('dialog').getByRole('button', { name: 'Create key' }).click();
        await page.getByText('make a new one, or revoke it').waitFor();
    });
});

test('somebody was faster: nothing is saved, and the way on is a button', async () => {
    await at('keys', async (page) => {
        await page.locator('tbody tr:has(.state.ok) a').first().click();
        await page.getByRole('button', { name: 'Edit' }).click();
        await page.getByRole('dialog').getByLabel('Owner').fill('somebody');
        stand.mock.scenario = 'stale';
        await page.getByRole('button', { name: 'Save changes' }).click();
        await page.getByText('Somebody else changed this meanwhile.').waitFor();
        await page.getByRole('button', { name: 'Load it again' }).click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
    });
});

test('revoking wants the name typed', async () => {
    await at('keys', async (page) => {
        await page.locator('tbody tr:has(.state.ok) a').first().click();
        await page.locator('.panel .facts').waitFor();
        const name = await page.locator('.panel h2').textContent();
        await page.locator('.panel').getByRole('button', { name: 'Revoke' }).click();
        const revoke = page.getByRole('dialog').getByRole('button', { name: 'Revoke' });
        assert.ok(await revoke.isDisabled());
        await page.getByLabel(/Type its name/).fill(`${name}x`);
        assert.ok(await revoke.isDisabled());
        await page.getByLabel(/Type its name/).fill(name);
        await page.getByLabel('Reason').fill('left the company');
        await revoke.click();
        await page.locator('.panel .state.bad').waitFor();
        const call = stand.mock.calls.find((one) => one.path.endsWith('/revoke'));
        assert.deepEqual(call.body, { reason: 'left the company' });
        assert.equal(await page.locator('.panel footer').count(), 0);
    });
});

test('ten thousand keys are there, found, sorted and quick', async () => {
    stand.mock.scenario = 'many';
    await at('keys', async (page) => {
        await page.getByText('100 of 10,000 rows shown').waitFor();
        const took = await page.evaluate(async () => {
            const field = document.querySelector('main input[type=search]');
            const start = performance.now();
            field.value = 'service-09876';
            field.dispatchEvent(new Event('input', { bubbles: true }));
            while (document.querySelectorAll('tbody tr').length !== 1) await new Promise(requestAnimationFrame);
            return performance.now() - start;
        });
        assert.ok(took < 500, `filtering took ${took} ms`);
        assert.match(page.url(), /q=service-09876/);
        await page.locator('main input[type=search]').fill('');
        await page.getByRole('columnheader', { name: 'Name' }).getByRole('button').click();
        await page.locator('th[aria-sort=ascending]').waitFor();
        await page.getByRole('button', { name: 'Show 100 more' }).click();
        await page.getByText('200 of 10,000 rows shown').waitFor();
        assert.ok(await page.locator('tbody tr').count() === 200);
    });
});

test('filters stand in the address and ask the server; older records are loaded on', async () => {
    await at('requests?decision=refused', async (page) => {
        await settled(page);
        assert.deepEqual([...new Set(await page.locator('tbody .state').allTextContents())], ['refused']);
        await page.getByLabel('Filter by').selectOption('team');
        await page.locator('.name-filter input').fill('payments');
        await page.getByRole('button', { name: 'Add' }).click();
        await page.waitForFunction(() => /team=payments/.test(location.hash) && /decision=refused/.test(location.hash));
        await page.getByText('Team: payments').waitFor();
        await page.getByRole('button', { name: 'Drop the filter Team' }).click();
        await page.waitForFunction(() => !/team=/.test(location.hash));
        await page.getByLabel('Outcome').selectOption('');
        await page.getByRole('button', { name: 'Load older' }).click();
        await page.getByText('200 rows').waitFor();
        await page.getByLabel('Any text in the record').fill('no such text anywhere');
        await page.getByText('Nothing matches the filters').waitFor();
        await page.getByRole('button', { name: 'Clear filters' }).last().click();
        await page.locator('tbody tr').first().waitFor();
    });
});

test('the export saves what the filters show', async () => {
    await at('requests?decision=failed', async (page) => {
        await settled(page);
        const rows = await page.locator('tbody tr').count();
        const [file] = await Promise.all([page.waitForEvent('download'),
            page.getByRole('link', { name: 'Export JSONL' }).click()]);
        const lines = readFileSync(await file.path(), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
        assert.equal(lines.length, rows);
        assert.ok(lines.every((record) => record.decision === 'failed'));
    });
});

test('data is never markup: in names, users, prompts and answers it is letters', async () => {
    await at('requests', async (page) => {
        await page.locator('tbody a').first().click();
        await page.locator('.spoken').first().waitFor();
        assert.equal(await page.locator('.spoken').first().textContent(), `${PROBE}\n[EMAIL_ADDRESS]`);
        assert.equal(await page.locator('.spoken mark').textContent(), '[EMAIL_ADDRESS]');
        assert.equal(await page.locator('main img, .panel img, main script').count(), 0);
    });
    await at('keys', async (page) => {
        await page.locator('tbody a', { hasText: PROBE }).click();
        await page.locator('.panel h2', { hasText: PROBE }).waitFor();
        assert.equal(await page.locator('main img, .panel img').count(), 0);
    });
    await at(`keys/${encodeURIComponent(PROBE)}?q=${encodeURIComponent(PROBE)}`,
        (page) => page.getByText('It is not there.').waitFor());
});

test('a text is marked where the server says, whatever its characters', async () => {
    await at('scan', async (page) => {
        await page.locator('#scan-text').fill(`😀 ${PROBE} 中文 x@y.org Project Falcon`);
        await page.keyboard.press('Control+Enter');
        await page.locator('.scanned').first().waitFor();
        assert.deepEqual(await marked(page), ['x@y.org', 'Project Falcon']);
        await page.getByText('[EMAIL_ADDRESS] Project Falcon').waitFor();
        await page.locator('#scan-text').fill('-----BEGIN RSA PRIVATE KEY-----');
        await page.keyboard.press('Control+Enter');
        await page.getByText('would be refused as a whole: private key').waitFor();
    });
});

test('an answer that is slow shows lines where rows will be', async () => {
    stand.mock.delay = 1500;
    await at('keys', async (page) => {
        await page.getByRole('status', { name: 'Loading' }).waitFor();
        await page.locator('tbody tr').first().waitFor();
    });
});

test('charts tell their numbers under the pointer and as a table', async () => {
    await at('overview?range=1h', async (page) => {
        await settled(page);
        await page.locator('.canvas').first().hover();
        await page.locator('.chart .legend b').first().waitFor();
        assert.match(await page.locator('.chart .moment').first().textContent(), /\d\d-\d\d \d\d:\d\d UTC\+08:00/);
        await page.locator('.chart').first().getByRole('button', { name: 'Table' }).click();
        assert.equal(await page.locator('.chart').first().locator('tbody tr').count(), 60);
        await page.getByRole('button', { name: '7 d' }).click();
        await page.waitForFunction(() => /range=7d/.test(location.hash));
    });
});
