/* Policies: what the configuration of this server says, as it took effect. To read; httpd's files are where it is written.
 * SPDX-License-Identifier: Apache-2.0
 */
import { useMemo } from '../vendor/hooks.js';
import { getAll } from '../api.js';
import { goQuietly } from '../route.js';
import { Table } from '../table.js';
import { AsOf, Empty, html, Loaded, Page, Search, useData } from '../ui.js';
import { t } from '../words.js';

export const title = 'page.policies';

const columns = () => [
    { key: 'directive', label: t('policies.directive'), kind: 'mono', cell: (row) => row.directive,
        sort: (row) => row.directive },
    { key: 'value', label: t('policies.value'), kind: 'mono', cell: (row) => row.value },
    { key: 'where', label: t('policies.where'), kind: 'quiet', cell: (row) => row.where, sort: (row) => row.where },
];

export default function Policies({ query }) {
    const policies = useData((signal) => getAll('policies', {}, { signal }), []);
    const all = policies.data ? policies.data.items : [];
    const words = (query.q || '').toLowerCase();
    const has = (row) => `${row.directive}\n${row.value}\n${row.where}`.toLowerCase().includes(words);
    const rows = useMemo(() => all.filter(has), [all, words]);
    return html`<${Page} title=${t(title)} about=${t('policies.about')} actions=${html`<${AsOf} from=${policies} />`}>
        <div class="toolbar"><${Search} value=${query.q || ''} label=${t('policies.search')}
            onChange=${(q) => goQuietly('policies', '', { q })} /></div>
        <${Loaded} from=${policies} isEmpty=${!all.length} empty=${html`<${Empty} title=${t('policies.none')} />`}>
            <${Table} caption=${t(title)} columns=${columns()} rows=${rows} rowKey=${(row) => all.indexOf(row)}
                empty=${html`<${Empty} title=${t('state.no_match')} />`} /><//><//>`;
}
