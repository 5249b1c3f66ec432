/* Upstreams: the accounts requests are sent to, whether they answer, and how fast. Never their credentials.
 * SPDX-License-Identifier: Apache-2.0
 */
import { getAll } from '../api.js';
import { ago, count, milliseconds, percent, zoneOf } from '../format.js';
import { Table } from '../table.js';
import { AsOf, Empty, html, Loaded, Page, State, Time, useData } from '../ui.js';
import { t, tValue } from '../words.js';

export const title = 'page.upstreams';

const TONES = { up: 'ok', down: 'bad', unknown: 'quiet' };
const ORDER = ['down', 'unknown', 'up'];

const columns = () => [
    { key: 'name', label: t('upstreams.name'), cell: (row) => html`<span class="name">${row.name}</span>`,
        sort: (row) => row.name },
    { key: 'state', label: t('upstreams.state'), cell: (row) => html`<${State}
        tone=${TONES[row.state] || 'quiet'}>${tValue('upstream_state', row.state)}<//>`,
        sort: (row) => ORDER.indexOf(row.state) },
    { key: 'since', label: t('upstreams.since', { zone: zoneOf() }), cell: (row) => html`<${Time} at=${row.since} />`,
        sort: (row) => row.since },
    { key: 'provider', label: t('upstreams.provider'), cell: (row) => row.provider, sort: (row) => row.provider },
    { key: 'url', label: t('upstreams.url'), kind: 'mono', cell: (row) => row.url },
    { key: 'latency', label: t('upstreams.latency'), isNumber: true, cell: (row) => milliseconds(row.latency_ms),
        sort: (row) => row.latency_ms },
    { key: 'requests', label: t('upstreams.requests'), isNumber: true, cell: (row) => count(row.requests),
        sort: (row) => row.requests },
    { key: 'failures', label: t('upstreams.failures'), isNumber: true,
        cell: (row) => html`${count(row.failures)} <span class="quiet">${percent(row.failures, row.requests)}</span>`,
        sort: (row) => row.failures },
    { key: 'probe', label: t('upstreams.probe'), cell: (row) => (row.last_probe_at ? html`<time
        datetime=${row.last_probe_at}>${ago(row.last_probe_at)}</time>` : html`<span
        class="nothing">${t('upstreams.never')}</span>`) },
    { key: 'credential', label: t('upstreams.credential'), cell: (row) => tValue('credential', row.credential) },
];

export default function Upstreams() {
    const accounts = useData((signal) => getAll('accounts', {}, { signal }), [], { every: 10 });
    const rows = accounts.data ? accounts.data.items : [];
    return html`<${Page} title=${t(title)} about=${t('upstreams.about')} actions=${html`<${AsOf} from=${accounts} />`}>
        <${Loaded} from=${accounts} rows="3" isEmpty=${!rows.length}
            empty=${html`<${Empty} title=${t('upstreams.none')}><p>${t('upstreams.none_text')}</p><//>`}>
            <${Table} caption=${t(title)} columns=${columns()} rows=${rows} rowKey=${(row) => row.name}
                order=${{ key: 'state', isDown: false }} /><//><//>`;
}
