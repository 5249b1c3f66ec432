/* Policies: what the configuration of this server says, as it took effect. To read; httpd's files are where it is written.
 * SPDX-License-Identifier: Apache-2.0
 */
import { ListPage } from '../table.js';
import { getAll, goQuietly, html, Search, t, useData, useMemo } from '../ui.js';

export const title = 'page.policies';

const columns = () => [
    { key: 'directive', label: t('policies.directive'), kind: 'mono', sort: true },
    { key: 'value', label: t('policies.value'), kind: 'mono' },
    { key: 'where', label: t('policies.where'), kind: 'quiet', sort: true },
];

export default function Policies({ query }) {
    const policies = useData((signal) => getAll('policies', {}, { signal }), []);
    const all = policies.data ? policies.data.items : [];
    const words = (query.q || '').toLowerCase();
    const has = (row) => `${row.directive}\n${row.value}\n${row.where}`.toLowerCase().includes(words);
    const rows = useMemo(() => all.filter(has), [all, words]);
    return html`<${ListPage} title=${title} about=${t('policies.about')} found=${policies} columns=${columns()} rows=${rows}
        toolbar=${html`<${Search} value=${query.q || ''} label=${t('policies.search')}
            onChange=${(q) => goQuietly('policies', '', { q })} />`}
        none=${{ title: t('policies.none') }} rowKey=${(row) => all.indexOf(row)} />`;
}
