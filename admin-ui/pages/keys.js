/* Keys: who may call, and with what limits. List, one key beside it, and the dialogs that change it.
 * SPDX-License-Identifier: Apache-2.0
 */
import { ListPage } from '../table.js';
import {
    address, ago, Button, Chip, Choice, count, Facts, fullTime, getAll, getVersioned, go, goQuietly, html, link,
    Long, PanelOf, Search, stepper, t, tCount, Time, tValue, useData, useMay, useMemo, useSettled, useState, zoned,
} from '../ui.js';
import { Revoke } from './forms.js';
import { Import } from './key_csv.js';
import { Create, Edit, EndGrace, Rotate } from './key_forms.js';
import { KEY_STATES, KeyState, Limits, modelsWords, UseNow } from './parts.js';

export const title = 'page.keys';

const SEARCHED = ['name', 'owner', 'user', 'team', 'id', 'prefix', 'last4'];
const FILTERS = ['q', 'state', 'team', 'tag', 'expiring'];
const EXPIRING = ['7d', '14d', '30d', '90d'];
const SOON_DAYS = 14; /* from then on a key's end is announced */
const DAY_MS = 86400000;

/* ---- what a filter asks ---- */

const isOver = (key) => ['revoked', 'expired'].includes(key.state);

/* Days until it ends; Infinity for what never does, or has. */
function daysLeft(key) {
    const left = key.expires_at && !isOver(key) ? Date.parse(key.expires_at) - Date.now() : Infinity;
    return left > 0 ? left / DAY_MS : Infinity;
}

function matches(key, { q = '', state, team, tag, expiring }) {
    if (state && key.state !== state) return false;
    if (team && key.team !== team) return false;
    if (tag && !(key.tags || []).includes(tag)) return false;
    if (expiring && daysLeft(key) > Number.parseInt(expiring, 10)) return false;
    const text = SEARCHED.map((member) => key[member] || '').join('\n').toLowerCase();
    return q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

const wanted = (query) => Object.fromEntries(FILTERS.filter((name) => query[name]).map((name) => [name, query[name]]));

/* All keys, filtered here letter by letter; where there are more than a page can hold, the server filters. */
function useKeys(query) {
    const [isMany, setMany] = useState(false);
    const [soFar, setSoFar] = useState(0);
    const filters = JSON.stringify(wanted(query));
    const settled = useSettled(filters);
    const load = async (signal) => {
        const all = await getAll('keys', isMany ? JSON.parse(settled) : {},
            { signal, onPart: (items) => setSoFar(items.length) });
        if (all.isCut) setMany(true);
        return all;
    };
    return { ...useData(load, [isMany ? settled : '{}']), soFar };
}

function options(keys, of, chosen, any) {
    const found = new Set(keys.flatMap(of).filter(Boolean));
    if (chosen) found.add(chosen);
    return [{ value: '', label: any }, ...[...found].sort().map((value) => ({ value, label: value }))];
}

/* ---- the list ---- */

/* vk_7f3a…9c1e: enough for two people to agree which key they talk about, too little to use. */
const hint = (key) => `${key.prefix || ''}…${key.last4 || ''}`;

function Expiry({ entry }) {
    const left = daysLeft(entry);
    return html`<${Time} at=${entry.expires_at} day />${left <= SOON_DAYS && html` <${Chip}
        tone="warn">${t('keys.in_days', { n: count(Math.ceil(left)) })}<//>`}`;
}

const columns = () => [
    { key: 'name', label: t('keys.name'), sort: true,
        cell: (key) => html`<span class="name">${key.name}</span>` },
    { key: 'state', label: t('keys.state'), cell: (key) => html`<${KeyState} state=${key.state} />`,
        sort: (key) => KEY_STATES.indexOf(key.state) },
    { key: 'hint', label: t('keys.hint'), kind: 'mono', cell: (key) => hint(key) },
    { key: 'team', label: t('keys.team'), kind: 'clip', cell: (key) => html`<${Long} value=${key.team} />`, sort: true },
    { key: 'owner', label: t('keys.owner'), kind: 'roomy', sort: true },
    { key: 'tags', label: t('keys.tags'), kind: 'roomy', cell: (key) => html`<${Tags} list=${key.tags} />` },
    { key: 'models', label: t('keys.models'), kind: 'clip',
        cell: (key) => html`<span title=${modelsWords(key.models)}>${modelsWords(key.models)}</span>` },
    { key: 'limits', label: t('keys.limits'), cell: (key) => html`<${Limits} limits=${key.limits} budget=${key.budget} />` },
    { key: 'created', label: zoned('keys.created'), kind: 'roomy', cell: (key) => html`<${Time} at=${key.created_at} day />`,
        sort: (key) => key.created_at },
    { key: 'used', label: zoned('keys.used'), cell: (key) => html`<${Time} at=${key.last_used_at} day />`,
        sort: (key) => key.last_used_at || null },
    { key: 'expires', label: zoned('keys.expires'), kind: 'one-line', cell: (key) => html`<${Expiry} entry=${key} />`,
        sort: (key) => key.expires_at || null },
];

function Tags({ list }) {
    if (!list || !list.length) return html`<span class="nothing">–</span>`;
    return html`<span class="chips">${list.map((tag) => html`<${Chip} key=${tag}>${tag}<//>`)}</span>`;
}

/* ---- one key ---- */

function UsedAt({ at }) {
    return at ? html`<span title=${fullTime(at)}>${ago(at)}</span>` : html`<span class="nothing">${t('upstreams.never')}</span>`;
}

/* Both secrets while two work: which is still in use is what decides when the old one may end. */
function Secrets({ entry, onEnd }) {
    if (!entry.previous_until) return null;
    return html`<section><h3>${t('keys.secrets')}</h3><div class="table-box small-table"><table>
        <thead><tr><th scope="col">${t('keys.secret')}</th><th scope="col">${t('keys.used')}</th>
            <th scope="col">${t('keys.works_until')}</th></tr></thead>
        <tbody><tr><td>${t('keys.present')} <code>…${entry.last4}</code></td>
            <td><${UsedAt} at=${entry.last_used_at} /></td>
            <td>${entry.expires_at ? html`<${Time} at=${entry.expires_at} full />` : t('keys.no_end')}</td></tr>
        <tr><td>${t('keys.previous')} <code>…${entry.previous_last4}</code></td>
            <td><${UsedAt} at=${entry.previous_used_at} /></td>
            <td><${Time} at=${entry.previous_until} full /></td></tr></tbody></table></div>
        ${onEnd && html`<p class="below"><${Button} kind="danger" onClick=${onEnd}>${t('keys.end_now')}<//></p>`}</section>`;
}

const listed = (list) => (list && list.length ? list.join(', ') : '');

const factsOf = (key) => [
    [t('keys.state'), html`<${KeyState} state=${key.state} />`],
    [t('keys.hint'), html`<code>${hint(key)}</code>`],
    [t('keys.id'), html`<code>${key.id}</code>`],
    [t('keys.owner'), key.owner],
    [t('keys.user'), key.user && html`<a href=${link('people', key.user)}>${key.user}</a>`],
    [t('keys.team'), key.team && html`<a href=${link('people', key.team, { by: 'team' })}>${key.team}</a>`],
    [t('keys.tags'), html`<${Tags} list=${key.tags} />`],
    [t('keys.models'), modelsWords(key.models)],
    [t('keys.limits'), html`<${Limits} limits=${key.limits} budget=${key.budget} />`],
    listed(key.endpoints) && [t('keys.endpoints'), listed(key.endpoints)],
    listed(key.addresses) && [t('keys.addresses'), html`<code>${listed(key.addresses)}</code>`],
    listed(key.vhosts) && [t('keys.vhosts'), listed(key.vhosts)],
    key.hours && [t('keys.hours'), key.hours],
    key.redact && [t('keys.redact'), html`<code>${key.redact}</code>`],
    [t('keys.created'), html`<${Time} at=${key.created_at} full />`],
    [t('keys.expires'), key.expires_at ? html`<${Time} at=${key.expires_at} full />` : t('keys.never')],
    [t('keys.used'), html`<${UsedAt} at=${key.last_used_at} />`],
    [t('keys.version'), count(key.version)],
];

function Tasks({ task, found, onClose, onDone, onReload }) {
    const entry = found && found.value;
    const same = { entry, onClose, onDone };
    return html`${task === 'edit' && html`<${Edit} found=${found} onClose=${onClose} onDone=${onDone}
            onReload=${onReload} />`}
        ${task === 'rotate' && html`<${Rotate} ...${same} />`}
        ${task === 'end' && html`<${EndGrace} ...${same} />`}
        ${task === 'revoke' && html`<${Revoke} name=${entry.name} title=${t('keys.revoke_title', { name: entry.name })}
            text=${t('keys.revoke_text')} path=${`keys/${encodeURIComponent(entry.id)}/revoke`} onClose=${onClose}
            onDone=${onDone} />`}`;
}

function Detail({ id, query, onStep, onChanged }) {
    const found = useData((signal) => getVersioned(`keys/${encodeURIComponent(id)}`, signal), [id]);
    const mayWrite = useMay('write_keys');
    const [task, setTask] = useState('');
    function done() {
        setTask('');
        found.reload();
        onChanged();
    }
    const canChange = (key) => mayWrite && key.state !== 'revoked';
    return html`<${PanelOf} found=${found} value=${found.data && found.data.value} name=${id} label=${t('keys.one')}
        onClose=${() => go('keys', '', query)} onStep=${onStep}
        actions=${(key) => canChange(key) && html`<${Button} icon="edit" onClick=${() => setTask('edit')}>${t('act.edit')}<//>
            <${Button} icon="reload" onClick=${() => setTask('rotate')}>${t('keys.rotate')}<//>
            <${Button} kind="danger" onClick=${() => setTask('revoke')}>${t('keys.revoke')}<//>`}>${(key) => html`
            <${Facts} rows=${factsOf(key)} />
            <${Secrets} entry=${key} onEnd=${canChange(key) && (() => setTask('end'))} />
            ${!isOver(key) && html`<${UseNow} dimension="key" subject=${key.id} />`}
            <p><a href=${link('requests', '', { key: key.id, range: '7d' })}>${t('keys.see_requests')}</a></p>
            <${Tasks} task=${task} found=${found.data} onClose=${() => setTask('')} onDone=${done}
                onReload=${found.reload} />`}<//>`;
}

/* ---- the page ---- */

/* Keys that will end soon, whoever looks at the list: before the calls fail. */
function Soon({ keys, query }) {
    const n = keys.filter((key) => daysLeft(key) <= SOON_DAYS).length;
    if (!n || query.expiring) return null;
    return html`<div class="notice warn" role="status"><div>${tCount('keys.soon', n, count(n))}</div>
        <a class="button" href=${link('keys', '', { expiring: `${SOON_DAYS}d` })}>${t('keys.soon_show')}</a></div>`;
}

function Filters({ all, query, filter }) {
    const choice = (name, word, list) => html`<${Choice} label=${t(word)} value=${query[name] || ''} options=${list}
        onChange=${(value) => filter({ [name]: value })} />`;
    const teams = options(all, (key) => [key.team], query.team, t('keys.any_team'));
    const tags = options(all, (key) => key.tags || [], query.tag, t('keys.any_tag'));
    return html`<${Search} value=${query.q || ''} label=${t('keys.search')} onChange=${(q) => filter({ q })} />
        ${choice('state', 'keys.state', [{ value: '', label: t('keys.any_state') },
            ...KEY_STATES.map((value) => ({ value, label: tValue('key_state', value) }))])}
        ${teams.length > 1 && choice('team', 'keys.team', teams)}${tags.length > 1 && choice('tag', 'keys.tags', tags)}
        ${choice('expiring', 'keys.expires', [{ value: '', label: t('keys.any_expiring') }, ...EXPIRING.map((value) => ({ value,
            label: t('keys.ends_within', { n: count(Number.parseInt(value, 10)) }) }))])}`;
}

export default function Keys({ id, query }) {
    const [task, setTask] = useState('');
    const mayWrite = useMay('write_keys');
    const keys = useKeys(query);
    const all = keys.data ? keys.data.items : [];
    const chosen = wanted(query);
    const rows = useMemo(() => all.filter((key) => matches(key, query)), [all, JSON.stringify(chosen)]);
    const filter = (change) => goQuietly('keys', id, { ...query, ...change });
    const none = Object.fromEntries(FILTERS.map((name) => [name, '']));
    const step = stepper('keys', id, query, rows.map((key) => key.id));
    const create = mayWrite && html`<${Button} icon="plus" kind="primary"
        onClick=${() => setTask('create')}>${t('keys.create')}<//>`;
    const bring = mayWrite && html`<${Button} onClick=${() => setTask('import')}>${t('csv.import')}<//>`;
    const close = () => setTask('');
    const toolbar = html`<${Filters} all=${all} query=${query} filter=${filter} />
        ${keys.isLoading && keys.soFar >= 500 && html`<span class="hint"
            role="status">${t('table.loaded_so_far', { n: count(keys.soFar) })}</span>`}
        <span class="grow"></span>${all.length > 0 && html`<a class="button" download
            href=${address('keys-export', chosen).href} title=${t('csv.export_hint')}>${t('csv.export')}</a>`}`;

    return html`<${ListPage} title=${title} about=${t('keys.about')} found=${keys} actions=${html`${bring}${create}`}
        top=${html`<${Soon} keys=${all} query=${query} />`} toolbar=${toolbar}
        isEmpty=${!all.length && !Object.keys(chosen).length} clear=${() => filter(none)}
        none=${{ title: t('keys.none'), text: t('keys.none_text'), act: create }} columns=${columns()} rows=${rows}
        rowKey=${(key) => key.id} current=${id} href=${(key) => link('keys', key.id, query)}
        order=${{ key: 'created', isDown: true }}>
        ${id && html`<${Detail} key="detail" id=${id} query=${query} onStep=${step} onChanged=${keys.reload} />`}
        ${task === 'create' && html`<${Create} onClose=${close} onDone=${keys.reload} />`}
        ${task === 'import' && html`<${Import} onClose=${close} onDone=${keys.reload} />`}<//>`;
}
