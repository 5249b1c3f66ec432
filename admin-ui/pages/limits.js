/* Limits and budgets, each with its present use: who is near the end of what they may.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Table } from '../table.js';
import {
    AsOf, Choice, Empty, getAll, goQuietly, html, limitWords, Loaded, Page, Search, t, tValue, usd, useData, useMemo,
    useState,
} from '../ui.js';
import { resetWords, shareOf, Use } from './parts.js';

export const title = 'page.limits';

const SCOPES = ['key', 'user', 'team', 'model', 'address', 'vhost'];

function matches(row, words, scope) {
    if (scope && row.scope !== scope) return false;
    return `${row.label}\n${row.subject}\n${row.source || ''}`.toLowerCase().includes(words.toLowerCase());
}

const common = () => [
    { key: 'subject', label: t('limits.subject'), cell: (row) => html`<span class="name"
        title=${row.subject}>${row.label || row.subject}</span>`, sort: (row) => row.label || row.subject },
    { key: 'scope', label: t('limits.scope'), cell: (row) => tValue('scope', row.scope), sort: true },
];

const limitColumns = () => [
    ...common(),
    { key: 'limit', label: t('limits.limit'), cell: (row) => html`<span
        title=${row.limit}>${limitWords(row.limit)}</span>` },
    { key: 'use', label: t('limits.now'), kind: 'wide', cell: (row) => html`<${Use} row=${row} />`, sort: shareOf },
    { key: 'reset', label: t('limits.reset'), isNumber: true, cell: resetWords, sort: (row) => row.reset_seconds },
    { key: 'source', label: t('limits.source'), kind: 'clip quiet', cell: (row) => html`<span
        title=${row.source}>${row.source}</span>` },
];

const budgetColumns = () => [
    ...common(),
    { key: 'period', label: t('limits.period'), sort: true },
    { key: 'use', label: t('limits.spent'), kind: 'wide', cell: (row) => html`<${Use} row=${row} />`, sort: shareOf },
    { key: 'left', label: t('limits.left'), isNumber: true, cell: (row) => usd(row.remaining_micros),
        sort: (row) => row.remaining_micros },
    { key: 'source', label: t('limits.source'), kind: 'clip quiet', cell: (row) => html`<span
        title=${row.source}>${row.source}</span>` },
];

const rowKey = (row) => [row.scope, row.subject, row.limit, row.source].join('\n');

function Section({ heading, about, from, columns, query, none }) {
    const all = from.data ? from.data.items : [];
    const rows = useMemo(() => all.filter((row) => matches(row, query.q || '', query.scope)),
        [all, query.q, query.scope]);
    return html`<section><header class="section-head"><h2>${heading}</h2><p>${about}</p><${AsOf}
        from=${from} /></header>
        <${Loaded} from=${from} rows="4" isEmpty=${!all.length} empty=${html`<${Empty} title=${none} />`}>
            <${Table} caption=${heading} columns=${columns} rows=${rows} rowKey=${rowKey}
                order=${{ key: 'use', isDown: true }}
                empty=${html`<${Empty} title=${t('state.no_match')} />`} /><//></section>`;
}

export default function LimitsPage({ query }) {
    /* A house with thousands of keys is asked when the operator asks, not every ten seconds. */
    const [isSmall, setSmall] = useState(true);
    const load = async (path, signal) => {
        const all = await getAll(path, {}, { signal });
        setSmall(all.items.length < 500);
        return all;
    };
    const limits = useData((signal) => load('limits', signal), [], { every: isSmall ? 10 : 0 });
    const budgets = useData((signal) => getAll('budgets', {}, { signal }), [], { every: isSmall ? 30 : 0 });
    const filter = (change) => goQuietly('limits', '', { ...query, ...change });
    return html`<${Page} title=${t(title)} about=${t('limits.about')}>
        <div class="toolbar"><${Search} value=${query.q || ''} label=${t('limits.search')}
            onChange=${(q) => filter({ q })} />
            <${Choice} label=${t('limits.scope')} value=${query.scope || ''} onChange=${(scope) => filter({ scope })}
                options=${[{ value: '', label: t('limits.any_scope') },
                    ...SCOPES.map((value) => ({ value, label: tValue('scope', value) }))]} /></div>
        <${Section} heading=${t('limits.limits')} about=${t('limits.limits_about')} from=${limits}
            columns=${limitColumns()} query=${query} none=${t('limits.none')} />
        <${Section} heading=${t('limits.budgets')} about=${t('limits.budgets_about')} from=${budgets}
            columns=${budgetColumns()} query=${query} none=${t('limits.no_budgets')} /><//>`;
}
