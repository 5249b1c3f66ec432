/* Faces of things that several pages show: a decision, a finding, how much of a limit is used.
 * SPDX-License-Identifier: Apache-2.0
 */
import {
    amountWords, Bar, Chip, count, get, html, limitWords, link, percent, seconds, State, t, tValue, useData,
} from '../ui.js';

const DECISION_TONES = { served: 'ok', refused: 'warn', failed: 'bad', aborted: 'quiet' };

export const DECISIONS = Object.keys(DECISION_TONES);

export function Decision({ record }) {
    const tone = DECISION_TONES[record.decision] || 'quiet';
    return html`<${State} tone=${tone}>${tValue('decision', record.decision)}<//>`;
}

/* Why it was refused or failed; the code itself is in the title, for who searches the manual. */
export function Reason({ record }) {
    if (!record.reason) return null;
    const code = `${record.status} ${record.reason}`;
    return html`<span class="reason" title=${code}>${tValue('reason', record.reason)}</span>`;
}

/* "CUSTOM:project" is the administrators' own rule with that name. */
export function typeWords(type) {
    const [family, rule] = String(type).split(/:(.*)/s, 2);
    return rule ? t('type.CUSTOM.named', { rule }) : tValue('type', family);
}

/* In order of strictness, as the server has them. */
const ACTION_TONES = { allow: 'quiet', log: 'quiet', partial: 'warn', pseudonym: 'ok', mask: 'accent', block: 'bad' };

export function Action({ name }) {
    return html`<${Chip} tone=${ACTION_TONES[name] || 'quiet'}>${tValue('action', name)}<//>`;
}

/* Findings in a row of a table: types with their number, the first and how many more. */
export function Findings({ list }) {
    if (!list || !list.length) return html`<span class="nothing">–</span>`;
    const byType = new Map();
    for (const { type, count: times = 1 } of list) byType.set(type, (byType.get(type) || 0) + times);
    const [[type, times], ...others] = byType;
    const rest = others.map(([one]) => typeWords(one)).join(t('list.and'));
    const words = times > 1 ? `${typeWords(type)} × ${count(times)}` : typeWords(type);
    const isBlocked = list.some((one) => one.action === 'block');
    return html`<span class="chips">
        <${Chip} tone=${isBlocked ? 'bad' : 'accent'} title=${type}>${words}<//>
        ${rest && html`<${Chip} title=${rest}>${t('findings.more', { n: count(others.length) })}<//>`}</span>`;
}

/* A key without a user of its own stands as its own user; its id says nothing that the key's name does not. */
export function userOf(record) {
    return record.user === record.key_id ? '' : record.user;
}

const KEY_TONES = { active: 'ok', rotating: 'accent', suspended: 'warn', expired: 'quiet', revoked: 'bad' };

export const KEY_STATES = Object.keys(KEY_TONES);

export function KeyState({ state }) {
    return html`<${State} tone=${KEY_TONES[state] || 'quiet'}>${tValue('key_state', state)}<//>`;
}

export function Limits({ limits, budget }) {
    const all = [...(limits || []), ...(budget ? [budget] : [])];
    if (!all.length) return html`<span class="nothing">${t('limits.defaults')}</span>`;
    return html`<span class="limit-words">${all.map((one) => html`<span key=${one}
        title=${one}>${limitWords(one)}</span>`)}</span>`;
}

/* Present use of a limit or a budget: a bar and its numbers, with their unit. What is only held stands apart. */
export function Use({ row }) {
    const used = amountWords(row.quantity, row.used);
    const words = t('limits.use', { used: row.quantity === 'micros' ? used : count(row.used),
        amount: amountWords(row.quantity, row.amount) });
    return html`<span class="use"><${Bar} part=${row.used} held=${row.held} whole=${row.amount} label=${words} />
        <span class="use-words">${words}</span><b>${percent(row.used, row.amount)}</b></span>`;
}

/* What a key, a user or a team has used of its limits, its own and the server's. */
export function UseNow({ dimension, subject }) {
    const limits = useData((signal) => get('limits', { dimension, subject }, signal), [dimension, subject], { every: 10 });
    const rows = limits.data ? limits.data.items : [];
    if (limits.problem || !limits.data) return null;
    return html`<section><h3>${t('limits.now')}</h3>${rows.length ? html`<ul class="lines">${rows.map((row) => html`<li
            key=${row.limit + row.set_by}><span class="line-name" title=${row.limit}>${limitWords(row.limit)}</span>
            <${Use} row=${row} /></li>`)}</ul>` : html`<p class="quiet">${t('limits.no_own')}</p>`}
        <p class="below"><a href=${limitLink(dimension, subject)}>${t('limits.see')}</a></p></section>`;
}

export const limitLink = (dimension, subject, query) => link('limits', `${dimension}/${subject}`, query);

export function resetWords(row) {
    if (row.used === 0 && row.reset_seconds === 0) return t('limits.free');
    return seconds(row.reset_seconds);
}

export const shareOf = (row) => (row.amount > 0 ? row.used / row.amount : 1);

export function modelsWords(models) {
    return models && models.length ? models.join(', ') : t('keys.all_models');
}

