/* Changes: what operators did, from the same ledger as the requests. Who, when, what was there before and after.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Table } from '../table.js';
import {
    AsOf, Chip, Empty, fullTime, get, hasWords, html, limitWords, link, Loaded, NOTHING, Notice, Page, t, Text, Time,
    timeLabel, tValue, useData, useState,
} from '../ui.js';

export const title = 'page.changes';

const PART = 100;

/* How the members of a key are written; others as they are. */
const MEMBERS = {
    state: (value) => tValue(hasWords(`version_state.${value}`) ? 'version_state' : 'key_state', value),
    limits: (value) => value.map(limitWords).join(t('list.and')),
    budget: limitWords,
    expires_at: (value) => fullTime(value),
    created_at: (value) => fullTime(value),
    previous_until: (value) => fullTime(value),
};

function written(name, value) {
    if (value === null || value === undefined || value === '' || value.length === 0) return NOTHING;
    if (MEMBERS[name]) return MEMBERS[name](value);
    if (Array.isArray(value)) return value.join(', ');
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const isPair = (value) => typeof value === 'object' && 'after' in value;

/* A new key has many members that are not set: they say nothing. */
function isNothing(name, value) {
    return isPair(value) && written(name, value.before) === NOTHING && written(name, value.after) === NOTHING;
}

function Pair({ name, value }) {
    const before = written(name, value.before);
    return html`${before !== NOTHING && html`<del>${before}</del> → `}<ins>${written(name, value.after)}</ins>`;
}

/* {"name": {"before", "after"}} as old → new; other members (how much a scan found) as they are. */
function Change({ change }) {
    const members = Object.entries(change || {}).filter(([name, value]) => name !== 'version' && value);
    const shown = members.filter(([name, value]) => !isNothing(name, value));
    if (!shown.length) return html`<span class="nothing">–</span>`;
    return html`<ul class="changes">${shown.map(([name, value]) => html`<li key=${name}>
        <span class="quiet">${hasWords(`member.${name}`) ? t(`member.${name}`) : name} </span>
        ${isPair(value) ? html`<${Pair} name=${name} value=${value} />` : written(name, value)}</li>`)}</ul>`;
}

function Deed({ row }) {
    return html`<span title=${row.operation}>${tValue('operation', row.operation)}</span>
        ${row.decision === 'denied' && html` <${Chip} tone="bad">${t('changes.denied')}<//>`}`;
}

function Subject({ subject }) {
    const [kind, id] = String(subject || '').split('/');
    if (kind === 'keys' && id) return html`<a href=${link('keys', id)}><code>${id}</code></a>`;
    if (kind === 'policy-versions' && id) {
        return html`<a href=${link('redaction', id)}>${t('redaction.version', { n: id })}</a>`;
    }
    return html`<${Text} value=${subject} />`;
}

const columns = () => [
    { key: 'at', label: timeLabel(), kind: 'fixed', cell: (row) => html`<${Time} at=${row.at} />`, sort: true },
    { key: 'user', label: t('changes.user'), cell: (row) => html`<span class="name">${row.user}</span>`, sort: true },
    { key: 'deed', label: t('changes.deed'), cell: (row) => html`<${Deed} row=${row} />`, sort: (row) => row.operation },
    { key: 'subject', label: t('changes.subject'), cell: (row) => html`<${Subject} subject=${row.subject} />`,
        sort: true },
    { key: 'change', label: t('changes.change'), kind: 'wide', cell: (row) => html`<${Change}
        change=${row.change} />` },
    { key: 'address', label: t('changes.address'), kind: 'quiet' },
];

export default function Changes() {
    const first = useData((signal) => get('admin-events', { limit: PART }, signal), []);
    const [rest, setRest] = useState({ items: [], cursor: undefined, isLoading: false, problem: null });
    const cursor = rest.cursor === undefined ? first.data && first.data.next_cursor : rest.cursor;
    const rows = first.data ? [...first.data.items, ...rest.items] : [];

    async function more() {
        setRest((old) => ({ ...old, isLoading: true, problem: null }));
        try {
            const part = await get('admin-events', { limit: PART, cursor });
            setRest((old) => ({ items: [...old.items, ...part.items], cursor: part.next_cursor, isLoading: false,
                problem: null }));
        } catch (problem) {
            setRest((old) => ({ ...old, isLoading: false, problem }));
        }
    }
    function reload() {
        setRest({ items: [], cursor: undefined, isLoading: false, problem: null });
        first.reload();
    }
    return html`<${Page} title=${t(title)} about=${t('changes.about')}
        actions=${html`<${AsOf} from=${{ ...first, reload }} />`}>
        <${Loaded} from=${first} isEmpty=${!rows.length} empty=${html`<${Empty} title=${t('changes.none')} />`}>
            <${Table} caption=${t(title)} columns=${columns()} rows=${rows} rowKey=${(row) => row.id}
                more=${{ hasMore: Boolean(cursor), isLoading: rest.isLoading, onMore: more }} />
            ${rest.problem && html`<${Notice} problem=${rest.problem} onRetry=${more} />`}<//><//>`;
}
