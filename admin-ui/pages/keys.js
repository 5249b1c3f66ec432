/* Keys: who may call, and with what limits. List, one key beside it, and the dialogs that change it.
 * SPDX-License-Identifier: Apache-2.0
 */
import { useMemo, useState } from '../vendor/hooks.js';
import { get, getAll, getVersioned } from '../api.js';
import { count, limitWords, zoneOf } from '../format.js';
import { go, goQuietly, link } from '../route.js';
import { useMay } from '../session.js';
import { Table } from '../table.js';
import {
    AsOf, Button, Choice, Empty, Facts, Failed, html, Loaded, Loading, Notice, Page, Panel, Search, Text,
    Time, useData,
} from '../ui.js';
import { t, tValue } from '../words.js';
import { Create, Edit, Revoke, Rotate } from './key_forms.js';
import { KEY_STATES, KeyState, Limits, modelsWords, Use } from './parts.js';

export const title = 'page.keys';

const SEARCHED = ['name', 'owner', 'user', 'team', 'id', 'prefix', 'last4'];

function matches(key, words, state) {
    if (state && key.state !== state) return false;
    const text = SEARCHED.map((member) => key[member] || '').join('\n').toLowerCase();
    return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/* vk_7f3a…9c1e: enough for two people to agree which key they talk about, too little to use. */
function keyHint(key) {
    return `${key.prefix || ''}…${key.last4 || ''}`;
}

const columns = () => [
    { key: 'name', label: t('keys.name'), cell: (key) => html`<span class="name">${key.name}</span>`,
        sort: (key) => key.name },
    { key: 'state', label: t('keys.state'), cell: (key) => html`<${KeyState} state=${key.state} />`,
        sort: (key) => KEY_STATES.indexOf(key.state) },
    { key: 'hint', label: t('keys.hint'), kind: 'mono', cell: keyHint },
    { key: 'team', label: t('keys.team'), cell: (key) => html`<${Text} value=${key.team} />`,
        sort: (key) => key.team || null },
    { key: 'owner', label: t('keys.owner'), kind: 'roomy', cell: (key) => html`<${Text} value=${key.owner} />`,
        sort: (key) => key.owner || null },
    { key: 'models', label: t('keys.models'), kind: 'clip',
        cell: (key) => html`<span title=${modelsWords(key.models)}>${modelsWords(key.models)}</span>` },
    { key: 'limits', label: t('keys.limits'), cell: (key) => html`<${Limits} limits=${key.limits} budget=${key.budget} />` },
    { key: 'created', label: t('table.with_zone', { name: t('keys.created'), zone: zoneOf() }),
        cell: (key) => html`<${Time} at=${key.created_at} day />`, sort: (key) => key.created_at },
    { key: 'expires', label: t('table.with_zone', { name: t('keys.expires'), zone: zoneOf() }),
        cell: (key) => html`<${Time} at=${key.expires_at} day />`, sort: (key) => key.expires_at || null },
];

/* What the key has used of its limits, its own and the server's. */
function KeyUse({ id }) {
    const query = { scope: 'key', subject: id };
    const limits = useData((signal) => get('limits', query, signal), [id], { every: 10 });
    const budgets = useData((signal) => get('budgets', query, signal), [id], { every: 10 });
    const rows = [limits, budgets].flatMap((from) => (from.data ? from.data.items : []));
    if (!rows.length) return null;
    return html`<section><h3>${t('limits.now')}</h3><ul class="lines">${rows.map((row) => html`<li key=${row.limit}>
        <span class="line-name">${limitWords(row.limit)}</span><${Use} row=${row} /></li>`)}</ul></section>`;
}

function Detail({ id, query, onStep, onChanged }) {
    const found = useData((signal) => getVersioned(`keys/${encodeURIComponent(id)}`, signal), [id]);
    const mayWrite = useMay('write_keys');
    const [task, setTask] = useState('');
    const key = found.data && found.data.value;
    const close = () => go('keys', '', query);
    function done() {
        setTask('');
        found.reload();
        onChanged();
    }
    const canChange = mayWrite && key && key.state !== 'revoked';
    return html`<${Panel} title=${key ? key.name : id} label=${t('keys.one')} onClose=${close} onStep=${onStep}
        actions=${canChange && html`<${Button} icon="edit" onClick=${() => setTask('edit')}>${t('act.edit')}<//>
            <${Button} icon="reload" onClick=${() => setTask('rotate')}>${t('keys.rotate')}<//>
            <${Button} kind="danger" onClick=${() => setTask('revoke')}>${t('keys.revoke')}<//>`}>
        ${!key && !found.problem && html`<${Loading} />`}
        ${!key && found.problem && html`<${Failed} problem=${found.problem} onRetry=${found.reload} />`}
        ${key && html`
            ${found.problem && html`<${Notice} problem=${found.problem} onRetry=${found.reload} />`}
            <${Facts} rows=${[
                [t('keys.state'), html`<${KeyState} state=${key.state} />`],
                [t('keys.hint'), html`<code>${keyHint(key)}</code>`],
                [t('keys.id'), html`<code>${key.id}</code>`],
                [t('keys.owner'), key.owner], [t('keys.user'), key.user], [t('keys.team'), key.team],
                [t('keys.models'), modelsWords(key.models)],
                [t('keys.limits'), html`<${Limits} limits=${key.limits} budget=${key.budget} />`],
                key.redact && [t('keys.redact'), html`<code>${key.redact}</code>`],
                [t('keys.created_at'), html`<${Time} at=${key.created_at} full />`],
                [t('keys.expires_at'), key.expires_at ? html`<${Time} at=${key.expires_at} full />` : t('keys.never')],
                [t('keys.version'), count(key.version)],
            ]} />
            ${key.state === 'active' && html`<${KeyUse} id=${key.id} />`}
            <p><a href=${link('requests', '', { key: key.id, range: '7d' })}>${t('keys.see_requests')}</a></p>`}
        ${task === 'edit' && html`<${Edit} found=${found.data} onClose=${() => setTask('')} onDone=${done}
            onReload=${found.reload} />`}
        ${task === 'rotate' && html`<${Rotate} entry=${key} onClose=${() => setTask('')} onDone=${done} />`}
        ${task === 'revoke' && html`<${Revoke} entry=${key} onClose=${() => setTask('')} onDone=${done} />`}<//>`;
}

export default function Keys({ id, query }) {
    const [soFar, setSoFar] = useState(0);
    const [isCreating, setCreating] = useState(false);
    const mayWrite = useMay('write_keys');
    const keys = useData((signal) => getAll('keys', {}, { signal, onPart: (items) => setSoFar(items.length) }), []);
    const words = query.q || '';
    const all = keys.data ? keys.data.items : [];
    const rows = useMemo(() => all.filter((key) => matches(key, words, query.state)), [all, words, query.state]);
    const filter = (change) => goQuietly('keys', id, { ...query, ...change });
    function step(by) {
        const place = rows.findIndex((key) => key.id === id);
        const next = rows[place + by];
        if (next) goQuietly('keys', next.id, query);
    }
    const create = mayWrite && html`<${Button} icon="plus" kind="primary"
        onClick=${() => setCreating(true)}>${t('keys.create')}<//>`;
    const nothing = html`<${Empty} title=${t('keys.none')}><p>${t('keys.none_text')}</p>${create}<//>`;
    const noMatch = html`<${Empty} title=${t('state.no_match')}><${Button}
        onClick=${() => filter({ q: '', state: '' })}>${t('act.clear_filters')}<//><//>`;

    return html`<${Page} title=${t(title)} about=${t('keys.about')} actions=${html`<${AsOf} from=${keys} />${create}`}>
        <div class="toolbar"><${Search} value=${words} label=${t('keys.search')} onChange=${(q) => filter({ q })} />
            <${Choice} label=${t('keys.state')} value=${query.state || ''} onChange=${(state) => filter({ state })}
                options=${[{ value: '', label: t('keys.any_state') },
                    ...KEY_STATES.map((value) => ({ value, label: tValue('key_state', value) }))]} />
            ${keys.isLoading && soFar >= 500 && html`<span class="hint"
                role="status">${t('table.loaded_so_far', { n: count(soFar) })}</span>`}</div>
        <${Loaded} from=${keys} isEmpty=${!all.length} empty=${nothing}>
            ${keys.data && keys.data.isCut && html`<${Notice}
                tone="warn">${t('table.cut', { n: count(all.length) })}<//>`}
            <${Table} caption=${t(title)} columns=${columns()} rows=${rows} rowKey=${(key) => key.id} current=${id}
                empty=${noMatch}
                href=${(key) => link('keys', key.id, query)} order=${{ key: 'created', isDown: true }} /><//>
        ${id && html`<${Detail} key="detail" id=${id} query=${query} onStep=${step} onChanged=${keys.reload} />`}
        ${isCreating && html`<${Create} onClose=${() => setCreating(false)} onDone=${keys.reload} />`}<//>`;
}
