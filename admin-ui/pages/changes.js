/* Changes: what operators did, from the same ledger as the requests. Who, when, what was there before and after.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Table } from '../table.js';
import {
    AsOf, Button, Choice, Empty, get, goQuietly, hasWords, html, link, Loaded, Notice, Page, Search, t, Text, Time, timeLabel,
    tValue, useData, useSettled, useState,
} from '../ui.js';
import { Change, Deed } from './change_parts.js';

export const title = 'page.changes';

const PART = 100;

/* What can be asked for: operations that have words. */
const OPERATIONS = ('keys.create keys.update keys.rotate keys.end-grace keys.revoke keys.import limits.update '
    + 'limits.delete limits.import alerts.acknowledge alerts.resend alert-tests.create signing-keys.create '
    + 'signing-keys.update signing-keys.revoke policy-versions.create policy-versions.approve '
    + 'policy-versions.reject policy-versions.withdraw policy-versions.restore issuers.refresh '
    + 'token-checks.create scan.text exports.get').split(' ');

function Subject({ subject }) {
    const [kind, id, ...rest] = String(subject || '').split('/');
    if (kind === 'limits' && rest.length) {
        const object = [id, ...rest].join('/');
        return html`<a href=${link('limits', object)}><code>${object}</code></a>`;
    }
    if (kind === 'alerts' && id) return html`<a href=${link('alerts', id)}>${t('changes.alert')}</a>`;
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

function Filters({ query, filter }) {
    return html`<${Search} value=${query.subject || ''} label=${t('changes.search')} onChange=${(subject) => filter({ subject })} />
        <${Search} value=${query.user || ''} label=${t('changes.user')} onChange=${(user) => filter({ user })} />
        <${Choice} label=${t('changes.deed')} value=${query.operation || ''} onChange=${(operation) => filter({ operation })}
            options=${[{ value: '', label: t('changes.any_deed') }, ...OPERATIONS.filter((name) => hasWords(`operation.${name}`))
                .map((value) => ({ value, label: tValue('operation', value) }))]} />`;
}

const chosenOf = ({ subject, user, operation }) => Object.fromEntries(Object.entries({ subject, user, operation })
    .filter(([, value]) => value));

export default function Changes({ query }) {
    const chosen = JSON.stringify(chosenOf(query));
    const settled = useSettled(chosen);
    const asked = JSON.parse(settled);
    const first = useData((signal) => get('admin-events', { ...asked, limit: PART }, signal), [settled]);
    const [rest, setRest] = useState({ items: [], cursor: undefined, of: settled, isLoading: false, problem: null });
    const mine = rest.of === settled ? rest : { items: [], cursor: undefined, of: settled, isLoading: false, problem: null };
    const cursor = mine.cursor === undefined ? first.data && first.data.next_cursor : mine.cursor;
    const rows = first.data ? [...first.data.items, ...mine.items] : [];
    const filter = (change) => goQuietly('changes', '', { ...query, ...change });

    async function more() {
        setRest({ ...mine, isLoading: true, problem: null });
        try {
            const part = await get('admin-events', { ...asked, limit: PART, cursor });
            setRest({ items: [...mine.items, ...part.items], cursor: part.next_cursor, of: settled, isLoading: false, problem: null });
        } catch (problem) {
            setRest({ ...mine, isLoading: false, problem });
        }
    }
    function reload() {
        setRest({ items: [], cursor: undefined, of: settled, isLoading: false, problem: null });
        first.reload();
    }
    const isFiltered = settled !== '{}';
    const none = isFiltered ? html`<${Empty} title=${t('state.no_match')}><${Button} onClick=${() => filter({ subject: '', user: '',
        operation: '' })}>${t('act.clear_filters')}<//><//>` : html`<${Empty} title=${t('changes.none')} />`;
    return html`<${Page} title=${t(title)} about=${t('changes.about')}
        actions=${html`<${AsOf} from=${{ ...first, reload }} />`}>
        <div class="toolbar"><${Filters} query=${query} filter=${filter} /></div>
        <${Loaded} from=${first} isEmpty=${!rows.length && !cursor} empty=${none}>
            <${Table} caption=${t(title)} columns=${columns()} rows=${rows} rowKey=${(row) => row.id}
                more=${{ hasMore: Boolean(cursor), isLoading: mine.isLoading, onMore: more }} />
            ${mine.problem && html`<${Notice} problem=${mine.problem} onRetry=${more} />`}<//><//>`;
}
