/* Upstreams: the accounts requests are sent to, whether they answer, and how fast. Never their credentials.
 * SPDX-License-Identifier: Apache-2.0
 */
import { ListPage } from '../table.js';
import { ago, count, getAll, html, milliseconds, percent, State, t, Time, tValue, useData, zoneOf } from '../ui.js';

export const title = 'page.upstreams';

const TONES = { up: 'ok', down: 'bad', unknown: 'quiet' };
const ORDER = ['down', 'unknown', 'up'];

const columns = () => [
    { key: 'name', label: t('upstreams.name'), cell: (row) => html`<span class="name">${row.name}</span>`, sort: true },
    { key: 'state', label: t('upstreams.state'), cell: (row) => html`<${State}
        tone=${TONES[row.state] || 'quiet'}>${tValue('upstream_state', row.state)}<//>`,
        sort: (row) => ORDER.indexOf(row.state) },
    { key: 'since', label: t('upstreams.since', { zone: zoneOf() }), cell: (row) => html`<${Time} at=${row.since} />`,
        sort: true },
    { key: 'provider', label: t('upstreams.provider'), sort: true },
    { key: 'url', label: t('upstreams.url'), kind: 'mono' },
    { key: 'latency', label: t('upstreams.latency'), isNumber: true, cell: (row) => milliseconds(row.latency_ms),
        sort: (row) => row.latency_ms },
    { key: 'requests', label: t('upstreams.requests'), isNumber: true, sort: true },
    { key: 'failures', label: t('upstreams.failures'), isNumber: true,
        cell: (row) => html`${count(row.failures)} <span class="quiet">${percent(row.failures, row.requests)}</span>`,
        sort: true },
    { key: 'probe', label: t('upstreams.probe'), cell: (row) => (row.last_probe_at ? html`<time
        datetime=${row.last_probe_at}>${ago(row.last_probe_at)}</time>` : html`<span
        class="nothing">${t('upstreams.never')}</span>`) },
    { key: 'credential', label: t('upstreams.credential'), cell: (row) => tValue('credential', row.credential) },
];

export default function Upstreams() {
    const accounts = useData((signal) => getAll('accounts', {}, { signal }), [], { every: 10 });
    return html`<${ListPage} title=${title} about=${t('upstreams.about')} found=${accounts} columns=${columns()}
        none=${{ title: t('upstreams.none'), text: t('upstreams.none_text') }}
        rows=${accounts.data ? accounts.data.items : []} rowKey=${(row) => row.name}
        order=${{ key: 'state', isDown: false }} />`;
}
