/* Limits, budgets and alerts in the console, on the stand-in: filters, burn-down, the editor that checks as one types, a
 * request that is only thought of, tables, acknowledging; and the grammar by itself, without a browser.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, test } from 'node:test';
import { settled } from './browser.mjs';
import { PROBE } from './house.mjs';
import { buildPages } from './pages.mjs';
import { useStand } from './stand.mjs';

const stand = useStand();
const { at } = stand;
const dialog = (page) => page.getByRole('dialog');
const panel = (page) => page.locator('.panel');
const calls = (method, path) => stand.mock.calls.filter((call) => call.method === method && call.path === path);
const footer = (page, name) => dialog(page).locator('footer').getByRole('button', { name }).click();

/* ---- the grammar ---- */

describe('the grammar of limits', async () => {
    const folder = buildPages();
    const load = (name) => import(pathToFileURL(join(folder, name)));
    const { checkLimit, checkLimits, bodyOf, pairOf, subjectOf } = await load('pages/limit_grammar.js');

    test('takes what the server takes', () => {
        for (const text of ['100/60s', '1/1s', '10000tokens/60s', '5000input_tokens/1h smooth', '7output_tokens/366d exact closed',
            '1000000tokens/day tz=Europe/Berlin', '20concurrent', '20CONCURRENT soft', '0.000001USD/day', '500USD/month hard',
            '5000USD/year start=04-01 soft', '9/week start=sun tz=+05:30 open', '9/month start=28', '100/15min leased', '1requests/2h',
            '  100/60s   soft ; local ', '100/1d strict sliding']) assert.deepEqual(checkLimit(text).fault, null, text);
    });

    test('says what is wrong, and of which part', () => {
        for (const [text, code, part] of [['', 'none', ''], ['many', 'amount', 'many'], ['100', 'form', '100'], ['100/60x', 'window', '60x'],
            ['100/2month', 'window', '2month'], ['100/500ms', 'window', '500ms'], ['100/367d', 'window', '367d'], ['0/60s', 'amount', '0'],
            ['1.5/60s', 'amount', '1.5'], ['0.0000001USD/day', 'amount', '0.0000001USD'], ['20concurrent/60s', 'amount', '20concurrent'],
            ['100/60s loud', 'word', 'loud'], ['100/60s soft hard', 'twice', 'hard'], ['100/day smooth', 'only_window', 'smooth'],
            ['100/60s tz=UTC', 'only_calendar', 'tz=UTC'], ['100/day tz=Mars/Base', 'zone', 'tz=Mars/Base'], ['100/day start=3', 'no_start', 'start=3'],
            ['100/week start=8', 'start_week', 'start=8'], ['100/month start=29', 'start_month', 'start=29'], ['100/year start=02-29', 'start_year', 'start=02-29'],
            ['20concurrent leased', 'only_leased', 'leased'], ['100/60s smooth leased', 'only_leased', 'leased']]) {
            const { fault } = checkLimit(text);
            assert.ok(fault, `${text} is no limit`);
            if (text !== '20concurrent/60s') assert.deepEqual(fault, { code, part }, text);
        }
    });

    test('one object has each unit and window once, and money apart', () => {
        assert.deepEqual(checkLimits(['100/60s', '200/1h', '300/60s soft']).map((fault) => fault && fault.code), [null, null, 'same']);
        assert.deepEqual(bodyOf(['100/60s', '', ' 5USD/month ', '20concurrent']), { limits: ['100/60s', '20concurrent'], budgets: ['5USD/month'] });
    });

    test('pairs are written as the server writes them', () => {
        assert.equal(pairOf('model', 'team'), 'team+model');
        assert.equal(pairOf('organization', 'key'), 'key+organization');
        assert.equal(subjectOf('team+model', { team: 'R+D 100%', model: 'gpt-4o' }), 'R%2BD 100%25+gpt-4o');
        assert.equal(subjectOf('team', { team: 'R+D' }), 'R+D');
    });
});

/* ---- the list ---- */

test('limits are filtered by name, kind of subject and kind, and the address says so', async () => {
    await at('limits', async (page) => {
        await settled(page);
        const rows = page.locator('tbody tr');
        const all = await rows.count();
        await page.getByLabel('Kind of subject').selectOption('team');
        assert.equal(await rows.count(), 4);
        await page.getByLabel('Limits or budgets').selectOption('budget');
        assert.equal(await rows.count(), 3);
        await page.locator('main input[type=search]').fill('payments');
        assert.equal(await rows.count(), 1);
        assert.match(await page.evaluate(() => location.hash), /dimension=team.*kind=budget/);
        assert.match(await rows.first().textContent(), /\$500\.00 a month.*\$415\.00 of \$500\.00.*83%.*\$85\.00.*console/);
        assert.equal(await rows.first().locator('.bar .held').count(), 1, 'what is only held stands apart');
        assert.match(await page.getByRole('link', { name: 'Export CSV' }).getAttribute('href'), /limits-export\?dimension=team$/);
        await page.locator('main input[type=search]').fill('nobody has this');
        await page.getByRole('button', { name: 'Clear filters' }).click();
        assert.equal(await rows.count(), all);
    });
});

test('one budget: burn-down as line and table, the date of exhaustion, what it replaces, who changed it', async () => {
    await at('limits', async (page) => {
        await page.locator('tbody tr', { hasText: '$500.00 a month' }).click();
        await panel(page).locator('.canvas svg .left').first().waitFor();
        const text = await panel(page).textContent();
        assert.match(text, /Used up\s*\d{4}-\d\d-\d\d|not before the period ends/);
        assert.match(text, /At \$[\d.]+ a day it is (not )?used up/);
        assert.match(text, /Would hold instead/);
        assert.match(text, /400\.00 a month/, 'the change is told with what was before');
        assert.match(text, /agreed for November/);
        await panel(page).getByRole('button', { name: 'Table' }).first().click();
        const left = await panel(page).locator('.chart-table tbody tr').first().locator('td').last().textContent();
        assert.equal(left, '$85.00', 'the line ends where the counter stands');
        assert.equal(await panel(page).getByRole('link', { name: 'Its requests' }).getAttribute('href'), '#/requests?team=payments&range=7d');
    });
});

test('a picture that could not count everything says so', async () => {
    await at('limits/team%2Fsupport', async (page) => {
        await panel(page).getByText('only the newest 10,000 count in it').waitFor();
    });
});

/* ---- setting ---- */

test('a limit is checked as it is typed, explained, and sent with the version it was made from', async () => {
    await at('limits/team%2Fpayments', async (page) => {
        await panel(page).getByRole('button', { name: 'Set limits' }).click();
        const send = dialog(page).locator('footer .primary');
        assert.ok(await send.isDisabled(), 'nothing was changed yet');
        const line = dialog(page).locator('.limit-line input').last();
        await line.fill('100/60x');
        await dialog(page).getByText('"60x" is no window: 1s to 366d').waitFor();
        assert.ok(await send.isDisabled());
        assert.equal(await line.getAttribute('aria-invalid'), 'true');
        await line.fill('2000tokens/day tz=Asia/Shanghai soft');
        await dialog(page).getByText('2,000 tokens a day · Asia/Shanghai · soft').waitFor();
        await dialog(page).getByLabel('Reason').fill('november');
        await send.click();
        await dialog(page).waitFor({ state: 'detached' });
        const [put] = calls('PUT', 'limits/team/payments');
        assert.deepEqual(put.body, { limits: ['2000tokens/day tz=Asia/Shanghai soft'], budgets: ['500USD/month hard'], reason: 'november' });
        assert.equal(put.headers['if-match'], '"3"');
        await panel(page).getByText('2,000 tokens a day').first().waitFor();
    });
});

test('what only the server knows stands beside its line', async () => {
    await at('limits/user%2Fli.wei', async (page) => {
        await panel(page).getByRole('button', { name: 'Set limits' }).click();
        await dialog(page).locator('.limit-line input').last().fill('9999/60s');
        await dialog(page).locator('footer .primary').click();
        await dialog(page).locator('.limit-line .fault', { hasText: 'more than this server takes' }).waitFor();
        await dialog(page).locator('.limit-line input').last().fill('99/60s');
        assert.equal(await dialog(page).locator('.limit-line .fault').count(), 0);
    });
});

test('who was slower is told, and loads it again', async () => {
    stand.mock.scenario = 'stale';
    await at('limits/team%2Fpayments', async (page) => {
        await panel(page).getByRole('button', { name: 'Set limits' }).click();
        await dialog(page).locator('.limit-line input').last().fill('5/60s');
        await dialog(page).locator('footer .primary').click();
        await dialog(page).getByText('Somebody else changed this meanwhile.').waitFor();
        await dialog(page).getByRole('button', { name: 'Load it again' }).click();
        await dialog(page).waitFor({ state: 'detached' });
    });
});

test('limits are set of a pair that has none, and taken away again', async () => {
    await at('limits', async (page) => {
        await page.locator('.page-head').getByRole('button', { name: 'Set limits' }).click();
        await dialog(page).getByLabel('Kind of subject').selectOption('model');
        await dialog(page).getByLabel('Together with').selectOption('team');
        await dialog(page).getByLabel('team', { exact: true }).fill('R+D');
        await dialog(page).getByLabel('model', { exact: true }).fill('acme/x');
        await footer(page, 'Continue');
        await dialog(page).locator('.limit-line input').fill('3/60s');
        await dialog(page).locator('footer .primary').click();
        await panel(page).getByText('3 requests in 1 min').first().waitFor();
        const [put] = stand.mock.calls.filter((call) => call.method === 'PUT');
        assert.equal(put.path, 'limits/team%2Bmodel/R%252BD%2Bacme/x', 'a slash stays one');
        assert.equal(put.headers['if-match'], '"0"');
        assert.match(await panel(page).locator('h2').textContent(), /R\+D \+ acme\/x/);
        await panel(page).getByRole('button', { name: 'Take away' }).click();
        await dialog(page).getByText('holds again, within a second').waitFor();
        await footer(page, 'Take away');
        await panel(page).getByText('No limit counts this subject now.').waitFor();
        assert.equal(stand.mock.calls.filter((call) => call.method === 'DELETE').length, 1);
    });
});

test('a name that is an attack is shown as letters', async () => {
    await at('limits', async (page) => {
        await page.locator('main input[type=search]').fill('onerror');
        await page.locator('tbody tr', { hasText: 'user' }).first().click();
        await panel(page).getByText(PROBE, { exact: true }).first().waitFor();
    });
});

/* ---- trying ---- */

test('a request that is only thought of: which limit decides, and when it would pass', async () => {
    await at('limits/team%2Fpayments', async (page) => {
        await panel(page).getByRole('button', { name: 'Try a request' }).click();
        assert.equal(await dialog(page).getByLabel('Team').inputValue(), 'payments');
        await dialog(page).getByLabel('Text').fill('Hello');
        await dialog(page).getByLabel('Most output tokens').fill('100');
        await dialog(page).locator('footer .primary').click();
        await dialog(page).getByText('It would pass.').waitFor();
        await dialog(page).getByLabel('Most output tokens').fill('90000000');
        assert.equal(await dialog(page).locator('.notice').count(), 0, 'an old answer is not shown beside a new question');
        await dialog(page).locator('footer .primary').click();
        await dialog(page).getByText('It would be refused with 429.').waitFor();
        assert.match(await dialog(page).locator('.notice').textContent(), /Decided by team payments: \$500\.00 a month\. It never fits/);
        assert.equal(await dialog(page).locator('tbody .state', { hasText: 'decides' }).count(), 1);
        const asked = calls('POST', 'limit-simulations').pop().body;
        assert.deepEqual(asked, { model: 'gpt-4o-mini', endpoint: 'chat', team: 'payments', text: 'Hello', max_output_tokens: 90000000 });
        await dialog(page).getByLabel('Key').fill('nosuch');
        await dialog(page).locator('footer .primary').click();
        await dialog(page).locator('.field.faulty', { hasText: 'there is no such key' }).waitFor();
    });
});

/* ---- tables ---- */

test('a table is tried first, and done as it was tried', async () => {
    await at('limits', async (page) => {
        await page.getByRole('button', { name: 'Import CSV' }).click();
        await dialog(page).getByLabel('Table').fill('dimension,subject,limits\nteam,red,100/60s\nteam,,1/1s\n');
        await footer(page, 'Dry run');
        await dialog(page).getByText('1 line cannot be used and is passed over.').waitFor();
        assert.deepEqual(calls('POST', 'limits-import').map((call) => call.body.dry_run), [true]);
        await footer(page, 'Import 1 line');
        await dialog(page).getByText('Limits imported').waitFor();
        await footer(page, 'Done');
        await page.locator('tbody tr', { hasText: 'red' }).first().waitFor();
    });
});

test('a viewer sees limits, and no button that would be refused', async () => {
    stand.mock.roles = ['viewer'];
    await at('limits/team%2Fpayments', async (page) => {
        await panel(page).locator('.canvas svg').first().waitFor();
        assert.equal(await panel(page).locator('footer .button').count(), 0);
        assert.deepEqual(await page.locator('.page-head .actions .button:not(.bare)').allTextContents(), []);
    });
});

/* ---- keys and people ---- */

test('a key with limits that fields cannot say is edited as text, and nothing of it is lost', async () => {
    await at('keys', async (page) => {
        await settled(page);
        const body = { id: 'kx', name: 'odd', state: 'active', version: 1, owner: '', user: '', team: '', models: [], tags: [], endpoints: [],
            addresses: [], vhosts: [], hours: '', redact: '', limits: ['100/60s', '1000tokens/day tz=Europe/Berlin soft'],
            budget: '10USD/day', created_at: '2026-11-01T00:00:00Z', expires_at: null, previous_until: null, last_used_at: null };
        let sent = null;
        await page.route('**/api/v1/keys/kx', (route) => {
            if (route.request().method() === 'PATCH') sent = route.request().postDataJSON();
            return route.fulfill({ json: body, headers: { etag: '"1"' } });
        });
        await stand.open(page, 'keys/kx');
        await panel(page).getByText('1,000 tokens a day · Europe/Berlin · soft').first().waitFor();
        await panel(page).getByRole('button', { name: 'Edit' }).click();
        assert.equal(await dialog(page).getByLabel('Limit as text').inputValue(), '1000tokens/day tz=Europe/Berlin soft');
        assert.equal(await dialog(page).getByLabel('Budget').inputValue(), '10USD/day');
        await dialog(page).getByLabel('Team').fill('ops');
        await dialog(page).locator('footer .primary').click();
        await dialog(page).waitFor({ state: 'detached' });
        assert.deepEqual(sent, { team: 'ops' });
    });
});

test('a team shows its limits and what it spent, and leads to them', async () => {
    await at('people?by=team', async (page) => {
        await page.locator('tbody tr', { hasText: 'payments' }).click();
        await panel(page).getByText('of $500.00').first().waitFor();
        assert.match(await panel(page).textContent(), /Recent spend\s*\$[\d.,]+ in \d+ requests/);
        await panel(page).getByRole('link', { name: 'Limits, forecast and history' }).click();
        await panel(page).getByText('Burn-down: $500.00 a month').waitFor();
    });
});

/* ---- alerts ---- */

test('alerts nobody has seen are counted in the menu; one is acknowledged, with a note', async () => {
    await at('alerts', async (page) => {
        await settled(page);
        const badge = page.locator('.menu .badge');
        await badge.first().waitFor();
        const before = Number.parseInt(await badge.first().textContent(), 10);
        await page.locator('tbody tr', { hasText: 'used 83 %' }).click();
        await panel(page).getByText('finance mail').waitFor();
        await panel(page).getByRole('button', { name: 'Acknowledge' }).click();
        await dialog(page).getByLabel('Note').fill('raised with finance');
        await footer(page, 'Acknowledge');
        await panel(page).getByText('raised with finance').waitFor();
        assert.equal(await panel(page).getByRole('button', { name: 'Acknowledge' }).count(), 0);
        const [call] = stand.mock.calls.filter((one) => one.path.endsWith('/acknowledge'));
        assert.deepEqual(call.body, { note: 'raised with finance' });
        await page.reload();
        await badge.first().waitFor();
        assert.equal(Number.parseInt(await badge.first().textContent(), 10), before - 1);
    });
});

test('alerts are filtered, and a delivery that failed says why', async () => {
    await at('alerts', async (page) => {
        await settled(page);
        await page.getByLabel('Delivery', { exact: true }).selectOption('dead');
        await page.locator('tbody tr').first().click();
        await panel(page).getByText('connection refused').waitFor();
        await panel(page).getByText('in hours that are usually quiet', { exact: true }).waitFor();
        assert.equal(await page.locator('tbody tr.link').count(), 1);
        await page.getByRole('button', { name: 'Close' }).click();
        await page.getByLabel('Seen by', { exact: true }).selectOption('yes');
        await page.getByText('Nothing matches the filters').waitFor();
        await page.getByRole('button', { name: 'Clear filters' }).click();
        await page.locator('tbody tr', { hasText: 'agreed' }).waitFor({ state: 'detached' });
    });
});

test('a test alert is sent one way, and its delivery is seen', async () => {
    await at('alerts', async (page) => {
        await page.getByRole('button', { name: 'Send a test' }).click();
        await dialog(page).getByText('ops (webhook, https://hooks.example.com)').waitFor({ state: 'attached' });
        await dialog(page).getByLabel('Way').selectOption('ops');
        await footer(page, 'Send');
        await panel(page).locator('tbody tr', { hasText: 'ops' }).getByText('waiting').waitFor();
        assert.deepEqual(calls('POST', 'alert-tests')[0].body, { way: 'ops' });
    });
});

/* ---- changes ---- */

test('changes are filtered by thing, operator and act, and lists show what went and what came', async () => {
    await at('changes', async (page) => {
        await settled(page);
        const row = page.locator('tbody tr', { hasText: 'set limits' }).first();
        assert.deepEqual(await row.locator('del').allTextContents(), ['100 requests in 1 min', '$400.00 a month']);
        assert.match(await row.textContent(), /and 1 as before.*\$500\.00 a month.*agreed for November/);
        assert.equal(await row.getByRole('link').getAttribute('href'), '#/limits/team%2Fpayments');
        await page.getByLabel('Act', { exact: true }).selectOption('limits.update');
        await page.locator('tbody tr', { hasText: 'create a key' }).first().waitFor({ state: 'detached' });
        await page.getByLabel('To, e.g. limits/team/red').fill('limits/team/nobody');
        await page.getByText('Nothing matches the filters').waitFor();
        assert.match(stand.mock.calls.map((call) => call.path).join(' '), /admin-events/);
    });
});
