/* Limits on the real gateway, in Chromium: set for a team in the console, felt by a caller, foretold by a try, seen in the
 * changes with what was before, and taken away again.
 * SPDX-License-Identifier: Apache-2.0
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { until, useGateway } from '../http/harness.mjs';
import { choose, noComplaints, settled, startBrowser, watch } from './browser.mjs';

const gateway = useGateway({ server: ['ChatGPTStoreTimeout 2s'], policy: ['ChatGPTLimit key none', 'ChatGPTLimit address none',
    'ChatGPTLimit team 1000/day', 'ChatGPTBudget team 20USD/month'] });
let browser;
before(async () => { browser = await startBrowser(); });
after(() => browser?.close());

async function signedIn(role, language = 'en') {
    const { user, password } = gateway.ready.operators[role];
    const context = await browser.newContext({ httpCredentials: { username: user, password } });
    const watched = await watch(context, [/Failed to load resource/]);
    await choose(watched.page, { language });
    const to = async (hash) => {
        await watched.page.goto('about:blank');
        await watched.page.goto(`${gateway.ready.console}#/${hash}`);
        await settled(watched.page);
    };
    return { ...watched, context, to };
}

const panel = (page) => page.locator('.panel');
const dialog = (page) => page.getByRole('dialog');

test('a team is limited in the console: callers feel it, a try foretells it, the changes tell it', async () => {
    const { key } = await gateway.newKey({ name: 'limited', team: 'red team' });
    assert.equal((await gateway.chat('one', { key })).status, 200);
    const tab = await signedIn('admin');
    const { page } = tab;
    await tab.to('limits');
    await page.locator('.page-head').getByRole('button', { name: 'Set limits' }).click();
    await dialog(page).getByLabel('team', { exact: true }).fill('red team');
    await dialog(page).getByRole('button', { name: 'Continue' }).click();
    await dialog(page).locator('.limit-line input').fill('1/day tz=Europe/Berlin');
    await dialog(page).getByText('1 request a day · Europe/Berlin').waitFor();
    await dialog(page).getByLabel('Reason').fill('trial');
    await dialog(page).locator('footer .primary').click();
    await panel(page).getByText('1 request a day · Europe/Berlin').first().waitFor();
    await panel(page).getByText('Would hold instead').waitFor();
    await until(async () => (await gateway.chat('two', { key })).status === 429, { ms: 5000, what: 'the limit' });

    await panel(page).getByRole('button', { name: 'Try a request' }).click();
    await dialog(page).getByLabel('Text').fill('Hello');
    await dialog(page).locator('footer .primary').click();
    await dialog(page).getByText('It would be refused with 429.').waitFor();
    assert.match(await dialog(page).locator('.notice').textContent(), /Decided by team red team: 1 request a day/);
    await dialog(page).locator('footer').getByRole('button', { name: 'Close' }).click();

    await until(async () => (await gateway.admin('GET', '/admin-events?subject=limits%2Fteam%2Fred+team')).json.items.length === 1,
        { ms: 5000, what: 'the record' });
    await tab.to('changes');
    const row = page.locator('tbody tr', { hasText: 'set limits' }).first();
    await row.waitFor();
    assert.match(await row.textContent(), /team\/red team.*1 request a day · Europe\/Berlin.*trial/);
    await row.getByRole('link').click();
    await panel(page).getByText('Changes').waitFor();

    await panel(page).getByRole('button', { name: 'Take away' }).click();
    await dialog(page).locator('footer').getByRole('button', { name: 'Take away' }).click();
    await panel(page).getByText('1,000 requests a day').first().waitFor();
    await until(async () => (await gateway.chat('three', { key })).status === 200, { ms: 5000, what: 'the old limit' });
    await noComplaints(tab);
    await tab.context.close();
});

test('a budget is told in dollars, with what is left and where it is heading', async () => {
    const { key } = await gateway.newKey({ name: 'spender', team: 'blue' });
    for (let i = 0; i < 3; i += 1) assert.equal((await gateway.chat('spend', { key })).status, 200);
    const tab = await signedIn('viewer', 'zh');
    const { page } = tab;
    await until(async () => {
        const got = await gateway.admin('GET', '/limits/team/blue');
        return got.json.items.some((row) => row.kind === 'budget' && row.burn.amounts.some((amount) => amount > 0));
    }, { ms: 8000, what: 'records of the budget' });
    await tab.to('limits/team%2Fblue');
    await panel(page).locator('.canvas svg .left').first().waitFor();
    const text = await panel(page).textContent();
    assert.match(text, /每月 \$20\.00/);
    assert.match(text, /按每天/);
    assert.equal(await panel(page).locator('footer .button').count(), 0, 'a viewer only looks');
    await tab.to('alerts');
    await noComplaints(tab);
    await tab.context.close();
});

test('a table of limits is brought in, and is in force', async () => {
    const tab = await signedIn('operator');
    const { page } = tab;
    await tab.to('limits');
    await page.getByRole('button', { name: 'Import CSV' }).click();
    await dialog(page).getByLabel('Table').fill('dimension,subject,limits,budgets\nuser,zoe,7/60s 3concurrent,2USD/week;start=mon\nuser,bad,x,\n');
    await dialog(page).getByRole('button', { name: 'Dry run' }).click();
    await dialog(page).locator('tbody tr', { hasText: 'bad' }).getByText('failed').waitFor();
    await dialog(page).getByRole('button', { name: 'Import 1 line' }).click();
    await dialog(page).getByText('Limits imported').waitFor();
    await dialog(page).getByRole('button', { name: 'Done' }).click();
    await tab.to('limits/user%2Fzoe');
    await panel(page).getByText('3 requests at once').first().waitFor();
    await panel(page).getByText('$2.00 a week · from Monday').first().waitFor();
    const file = await gateway.admin('GET', '/limits-export?dimension=user', undefined, { as: 'viewer' });
    assert.match(file.text, /user,zoe,7\/60s 3concurrent,"?2USD\/week;start=mon"?/);
    await noComplaints(tab);
    await tab.context.close();
});
