/* Credentials of upstreams that are kept in the store, sealed: which there are, whether they open, and who uses them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Never a value, neither way: the tool takes a new one, on a machine of the gateway; this page only says how.
 */
import { ListPage } from '../table.js';
import {
    Copy, count, Empty, Facts, getAll, go, html, link, Long, Notice, Panel, State, stepper, t, tCount, Time, tValue, useData,
    zoned,
} from '../ui.js';

export const title = 'page.credentials';

const TONES = { ok: 'ok', unreadable: 'bad', missing: 'bad' };
const ORDER = ['missing', 'unreadable', 'ok'];

const ROTATE = 'chatgptctl seal rotate';
/* As a shell takes it, whatever stands in the name. */
const quoted = (name) => (/^\w[\w.@:-]*$/.test(name) ? name : `'${name.replace(/'/g, "'\\''")}'`);

function CredentialState({ state }) {
    return html`<${State} tone=${TONES[state] || 'quiet'}>${tValue('credential_state', state)}<//>`;
}

const columns = () => [
    { key: 'name', label: t('keys.name'), cell: (row) => html`<span class="name">${row.name}</span>`, sort: true },
    { key: 'state', label: t('keys.state'), cell: (row) => html`<${CredentialState} state=${row.state} />`,
        sort: (row) => ORDER.indexOf(row.state) },
    { key: 'used', label: t('credentials.used_by'), kind: 'names', cell: (row) => html`<${Long} value=${row.used_by.join(', ')} />`,
        sort: (row) => row.used_by.join(', ') || null },
    { key: 'kek_id', label: t('credentials.kek'), kind: 'mono', sort: true },
    { key: 'version', label: t('keys.version'), isNumber: true, cell: (row) => count(row.version || null),
        sort: (row) => row.version || null },
    { key: 'changed', label: zoned('credentials.changed'), cell: (row) => html`<${Time} at=${row.changed_at} day />`,
        sort: (row) => row.changed_at },
];

/* What is wrong, and what goes out all the same: the version that opened last stays in force. */
function Trouble({ row }) {
    if (row.state === 'ok') return null;
    const goesOut = row.in_force ? t('credentials.goes_on', { n: count(row.in_force) }) : t('credentials.sent_nothing');
    return html`<${Notice} tone=${row.in_force ? 'warn' : 'bad'}>${t(`credentials.is_${row.state}`)} ${goesOut}<//>`;
}

/* A line for a shell. */
function Command({ text }) {
    return html`<div class="secret small"><code>${text}</code><${Copy} text=${text} /></div>`;
}

function Detail({ row, name, onStep }) {
    return html`<${Panel} title=${name} label=${t('credentials.one')} onStep=${onStep} onClose=${() => go('credentials')}>
        ${row ? html`<${Trouble} row=${row} />
            <${Facts} rows=${[
                [t('keys.state'), html`<${CredentialState} state=${row.state} />`],
                [t('credentials.used_by'), row.used_by.join(', ')],
                [t('credentials.kek'), row.kek_id && html`<code>${row.kek_id}</code>`],
                [t('keys.version'), row.version ? count(row.version) : ''],
                [t('credentials.in_force'), row.in_force ? count(row.in_force) : ''],
                [t('keys.created'), html`<${Time} at=${row.created_at} full />`],
                [t('credentials.changed'), html`<${Time} at=${row.changed_at} full />`],
            ]} />
            <section><h3>${t('credentials.set')}</h3><${Command} text=${`chatgptctl credential set ${quoted(name)}`} />
                <p class="hint">${t('credentials.set_hint')}</p></section>`
        : html`<${Empty} title=${t('problem.not-found')} />`}<//>`;
}

/* Under how many master keys: more than one in the midst of a change of it. */
function Masters({ rows }) {
    const n = new Set(rows.map((row) => row.kek_id).filter(Boolean)).size;
    return n > 1 && html`<div class="notice warn" role="status"><div>${tCount('credentials.masters', n,
        count(n))}<${Command} text=${ROTATE} /></div></div>`;
}

export default function Credentials({ id }) {
    const found = useData((signal) => getAll('credentials', {}, { signal }), [], { every: 10 });
    const rows = found.data ? found.data.items : [];
    return html`<${ListPage} title=${title} about=${t('credentials.about')} found=${found} top=${html`<${Masters} rows=${rows} />`}
        none=${{ title: t('credentials.none'), text: t('credentials.none_text') }} columns=${columns()} rows=${rows}
        rowKey=${(row) => row.name} current=${id} href=${(row) => link('credentials', row.name)}
        order=${{ key: 'state', isDown: false }}>
        ${id && found.data && html`<${Detail} key="detail" name=${id} row=${rows.find((row) => row.name === id)}
            onStep=${stepper('credentials', id, {}, rows.map((row) => row.name))} />`}<//>`;
}
