/* What operators changed, as old → new: for the page of changes, and beside the thing that was changed.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Chip, fullTime, hasWords, html, limitWords, NOTHING, t, Time, tValue } from '../ui.js';

/* How the members of a key are written; others as they are. */
const MEMBERS = {
    state: (value) => tValue(hasWords(`version_state.${value}`) ? 'version_state' : 'key_state', value),
    limits: limitWords,
    budgets: limitWords,
    budget: limitWords,
    expires_at: (value) => fullTime(value),
    created_at: (value) => fullTime(value),
    previous_until: (value) => fullTime(value),
    acknowledged_at: (value) => fullTime(value),
};

const isEmpty = (value) => value === null || value === undefined || value === '' || value.length === 0;

function written(name, value) {
    if (isEmpty(value)) return NOTHING;
    if (Array.isArray(value)) return value.map((one) => written(name, one)).join(t('list.and'));
    if (MEMBERS[name]) return MEMBERS[name](value);
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const isPair = (value) => typeof value === 'object' && 'after' in value;

/* A new key has many members that are not set: they say nothing. */
function isNothing(name, value) {
    return isPair(value) && written(name, value.before) === NOTHING && written(name, value.after) === NOTHING;
}

/* Of a list what went and what came; what stayed is told by its number. */
function ListPair({ name, value }) {
    const [before, after] = [value.before || [], value.after || []];
    const gone = before.filter((one) => !after.includes(one));
    const come = after.filter((one) => !before.includes(one));
    const kept = after.length - come.length;
    return html`${gone.map((one) => html`<del key=${`-${one}`}>${written(name, one)}</del> `)}${gone.length > 0 && '→ '}${
        come.map((one, i) => html`<ins key=${`+${one}`}>${i > 0 && t('list.and')}${written(name, one)}</ins>`)}${
        !come.length && html`<ins>${kept ? '' : NOTHING}</ins>`}${kept > 0 && html` <span class="quiet">${
        t('changes.kept', { n: kept })}</span>`}`;
}

function Pair({ name, value }) {
    const isList = Array.isArray(value.before || value.after) && [value.before, value.after].flat()
        .every((one) => typeof one !== 'object' || one === null);
    if (isList) return html`<${ListPair} name=${name} value=${value} />`;
    const before = written(name, value.before);
    return html`${before !== NOTHING && html`<del>${before}</del> → `}<ins>${written(name, value.after)}</ins>`;
}

/* {"name": {"before", "after"}} as old → new; other members (how much a scan found) as they are. */
export function Change({ change }) {
    const members = Object.entries(change || {}).filter(([name, value]) => name !== 'version' && value);
    const shown = members.filter(([name, value]) => !isNothing(name, value));
    if (!shown.length) return html`<span class="nothing">${NOTHING}</span>`;
    return html`<ul class="changes">${shown.map(([name, value]) => html`<li key=${name}>
        <span class="quiet">${tValue('member', name) === name ? name : t(`member.${name}`)} </span>
        ${isPair(value) ? html`<${Pair} name=${name} value=${value} />` : written(name, value)}</li>`)}</ul>`;
}

export function Deed({ row }) {
    return html`<span title=${row.operation}>${tValue('operation', row.operation)}</span>
        ${row.decision === 'denied' && html` <${Chip} tone="bad">${t('changes.denied')}<//>`}`;
}

/* Some changes of one thing, the newest first. */
export function ChangeList({ rows }) {
    return html`<ul class="change-list">${rows.map((row) => html`<li key=${row.id}><p><${Time} at=${row.at} full />
        <b>${row.user}</b> <${Deed} row=${row} /></p><${Change} change=${row.change} /></li>`)}</ul>`;
}
