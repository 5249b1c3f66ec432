/* Limits and budgets: who may use how much, how much of it is used now, and when it will be used up.
 * SPDX-License-Identifier: Apache-2.0
 */
import { ListPage } from '../table.js';
import {
    address, amountWords, Button, Chip, Choice, Facts, fullTime, get, getAll, getVersioned, go, goQuietly, html, limitWords, link,
    Notice, PanelOf, Search, stepper, t, Time, useData, useMay, useMemo, useState, zoned,
} from '../ui.js';
import { ChangeList } from './change_parts.js';
import { Burn } from './limit_burn.js';
import { dimensionWords, Edit, Import, pathOf, SetNew, subjectWords, TakeAway, Try } from './limit_forms.js';
import { DIMENSIONS } from './limit_grammar.js';
import { limitLink, shareOf, Use } from './parts.js';

export const title = 'page.limits';

const FILTERS = ['q', 'dimension', 'kind'];

function matches(row, { q = '', dimension, kind }) {
    if (dimension && row.dimension !== dimension) return false;
    if (kind && row.kind !== kind) return false;
    const text = `${row.label}\n${row.subject}\n${row.limit}\n${row.source || ''}`.toLowerCase();
    return q.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/* ---- the list ---- */

/* Who set it: the configuration, the key, or the console. */
function SetBy({ row }) {
    return html`<span title=${row.set_by === 'console' ? undefined : row.source}><${Chip} tone=${row.set_by === 'console' ? 'accent' : 'quiet'}>${
        t(`set_by.${row.set_by}`)}<//></span>`;
}

const columns = () => [
    { key: 'subject', label: t('limits.subject'), sort: (row) => row.label || row.subject, cell: (row) => html`<span class="name"
        title=${row.subject}>${subjectWords(row.dimension, row.label || row.subject)}</span> <span
            class="quiet under">${dimensionWords(row.dimension)}</span>` },
    { key: 'limit', label: t('limits.limit'), kind: 'limit-cell', sort: (row) => `${row.quantity} ${row.amount}`, cell: (row) => html`<span
        title=${row.limit}>${limitWords(row.limit)}</span>` },
    { key: 'use', label: t('limits.used'), kind: 'wide', cell: (row) => html`<${Use} row=${row} />`, sort: shareOf },
    { key: 'left', label: t('limits.left'), isNumber: true, cell: (row) => amountWords(row.quantity, row.remaining),
        sort: (row) => row.remaining / row.amount },
    { key: 'resets', label: zoned('limits.resets'), kind: 'fixed', cell: (row) => html`<${Time} at=${row.resets_at} />`,
        sort: (row) => row.resets_at },
    { key: 'set_by', label: t('limits.source'), cell: (row) => html`<${SetBy} row=${row} />`, sort: true },
];

const rowKey = (row) => [row.dimension, row.subject, row.limit, row.source].join('\n');
const idOf = (row) => `${row.dimension}/${row.subject}`;

/* ---- one object ---- */

/* A window without words says all in its name. */
const statusOf = (row) => [
    [t('limits.used'), amountWords(row.quantity, row.used)],
    row.held > 0 && [t('limits.held'), amountWords(row.quantity, row.held)],
    [t('limits.left'), amountWords(row.quantity, row.remaining)],
    row.period_from && [t('limits.period'), `${fullTime(row.period_from)} – ${fullTime(row.period_to)}`],
    [t('limits.resets'), row.resets_at ? fullTime(row.resets_at) : t('limits.free')],
    row.burn && row.remaining > 0 && [t('limits.exhausted'), row.burn.exhausted_at ? fullTime(row.burn.exhausted_at)
        : t('limits.not_before')],
    [t('limits.source'), html`${t(`set_by.${row.set_by}`)} <span class="quiet">${row.set_by === 'console' ? '' : row.source}</span>`],
];

function OneLimit({ row }) {
    const words = limitWords(row.limit);
    const isOver = row.remaining === 0;
    return html`<section class="one-limit"><h3>${words} ${isOver && html`<${Chip} tone="bad">${t('limits.used_up')}<//>`}
            ${!isOver && row.burn && row.burn.exhausted_at && html`<${Chip} tone="warn">${t('limits.will_end')}<//>`}</h3>
        <${Use} row=${row} /><${Facts} rows=${statusOf(row)} /><${Burn} row=${row} title=${t('burn.title', { limit: words })} /></section>`;
}

function Replaced({ rows }) {
    if (!rows.length) return null;
    return html`<section><h3>${t('limits.replaced')}</h3><p class="hint">${t('limits.replaced_text')}</p><ul class="lines">${
        rows.map((row) => html`<li key=${row.limit + row.source}><span class="grow"><del>${limitWords(row.limit)}</del></span>
            <span class="quiet">${row.source}</span></li>`)}</ul></section>`;
}

/* Who changed it, for those who may read that. */
function History({ dimension, subject }) {
    const mayRead = useMay('read_texts');
    const load = (signal) => (mayRead ? get('admin-events', { subject: `limits/${dimension}/${subject}`, limit: 20 }, signal)
        : Promise.resolve({ items: [] }));
    const found = useData(load, [dimension, subject, mayRead]);
    if (!mayRead || !found.data) return null;
    return html`<section><h3>${t('limits.history')}</h3>${found.data.items.length ? html`<${ChangeList}
        rows=${found.data.items} />` : html`<p class="quiet">${t('limits.no_history')}</p>`}</section>`;
}

const PAGES_OF = { key: (id) => link('keys', id), user: (id) => link('people', id), team: (id) => link('people', id, { by: 'team' }) };

function Links({ dimension, subject }) {
    const own = PAGES_OF[dimension];
    const isFilter = ['key', 'user', 'team', 'model', 'endpoint'].includes(dimension);
    return html`<p class="links">${own && html`<a href=${own(subject)}>${t('limits.see_subject')}</a>`}
        ${isFilter && html`<a href=${link('requests', '', { [dimension]: subject, range: '7d' })}>${t('limits.see_requests')}</a>`}</p>`;
}

function Tasks({ task, found, label, onClose, onDone, onReload }) {
    return html`${task === 'edit' && html`<${Edit} found=${found} label=${label} onClose=${onClose} onDone=${onDone}
            onReload=${onReload} />`}
        ${task === 'away' && html`<${TakeAway} found=${found} label=${label} onClose=${onClose} onDone=${onDone} />`}
        ${task === 'try' && html`<${Try} who=${whoOf(found.value)} onClose=${onClose} />`}`;
}

/* What the object says of who would ask. */
function whoOf({ dimension, subject }) {
    const names = dimension.split('+');
    const parts = names.length > 1 ? subject.split('+').map(decodeURIComponent) : [subject];
    return Object.fromEntries(names.map((name, i) => [name, parts[i] || '']));
}

function Detail({ id, query, onStep, onChanged }) {
    const at = id.indexOf('/');
    const [dimension, subject] = [id.slice(0, at), id.slice(at + 1)];
    const [task, setTask] = useState('');
    const [mayWrite, mayTry] = [useMay('write_keys'), useMay('try_limits')];
    const found = useData((signal) => getVersioned(pathOf(dimension, subject), signal), [id], { every: 60 });
    const value = found.data && found.data.value;
    const label = value ? subjectWords(dimension, value.label || subject) : subject;
    function done() {
        setTask('');
        found.reload();
        onChanged();
    }
    return html`<${PanelOf} found=${found} value=${value && { ...value, name: label }} name=${label} label=${t('limits.object')}
        onClose=${() => go('limits', '', query)} onStep=${onStep}
        actions=${(one) => html`${mayTry && html`<${Button} onClick=${() => setTask('try')}>${t('try.open')}<//>`}
            ${mayWrite && html`<${Button} icon="edit" onClick=${() => setTask('edit')}>${t('limits.set')}<//>`}
            ${mayWrite && one.version > 0 && html`<${Button} kind="danger" onClick=${() => setTask('away')}>${t('limits.away')}<//>`}`}>${
        (one) => html`<p class="quiet first">${dimensionWords(dimension)}${one.version > 0 && html` · ${t('limits.changed', {
            user: one.changed_by, time: fullTime(one.changed_at) })}`}</p>
            ${one.items.length ? one.items.map((row) => html`<${OneLimit} key=${row.limit + row.source} row=${row} />`)
                : html`<${Notice} tone="warn">${t('limits.none_here')}<//>`}
            <${Replaced} rows=${one.replaced} /><${History} key=${one.version} dimension=${dimension} subject=${subject} />
            <${Links} dimension=${dimension} subject=${subject} />
            <${Tasks} task=${task} found=${found.data} label=${label} onClose=${() => setTask('')} onDone=${done}
                onReload=${found.reload} />`}<//>`;
}

/* ---- the page ---- */

function Filters({ all, query, filter }) {
    const pairs = [...new Set(all.map((row) => row.dimension).filter((name) => name.includes('+')))];
    return html`<${Search} value=${query.q || ''} label=${t('limits.search')} onChange=${(q) => filter({ q })} />
        <${Choice} label=${t('limits.dimension')} value=${query.dimension || ''} onChange=${(dimension) => filter({ dimension })}
            options=${[{ value: '', label: t('limits.any_dimension') }, ...[...DIMENSIONS, ...pairs].map((value) => ({ value,
                label: dimensionWords(value) }))]} />
        <${Choice} label=${t('limits.kind')} value=${query.kind || ''} onChange=${(kind) => filter({ kind })}
            options=${[{ value: '', label: t('limits.any_kind') }, { value: 'limit', label: t('limits.limits') },
                { value: 'budget', label: t('limits.budgets') }]} />
        <span class="grow"></span><a class="button" download href=${address('limits-export', { dimension: query.dimension }).href}
            title=${t('limit_csv.export_hint')}>${t('limit_csv.export')}</a>`;
}

export default function LimitsPage({ id, query }) {
    /* A house with thousands of keys is asked when the operator asks, not every ten seconds. */
    const [isSmall, setSmall] = useState(true);
    const [task, setTask] = useState('');
    const [mayWrite, mayTry] = [useMay('write_keys'), useMay('try_limits')];
    const limits = useData(async (signal) => {
        const all = await getAll('limits', {}, { signal });
        setSmall(all.items.length < 500);
        return all;
    }, [], { every: isSmall ? 10 : 0 });
    const all = limits.data ? limits.data.items : [];
    const rows = useMemo(() => all.filter((row) => matches(row, query)), [all, query.q, query.dimension, query.kind]);
    const filter = (change) => goQuietly('limits', id, { ...query, ...change });
    const shown = id && rows.find((row) => idOf(row) === id);
    const close = () => setTask('');
    const step = stepper('limits', id, query, [...new Set(rows.map(idOf))]);
    const set = mayWrite && html`<${Button} icon="plus" kind="primary" onClick=${() => setTask('new')}>${t('limits.new')}<//>`;
    const actions = html`${mayTry && html`<${Button} onClick=${() => setTask('try')}>${t('try.open')}<//>`}
        ${mayWrite && html`<${Button} onClick=${() => setTask('import')}>${t('limit_csv.import')}<//>`}${set}`;
    function onSet(dimension, subject) {
        close();
        limits.reload();
        go('limits', `${dimension}/${subject}`, query);
    }
    return html`<${ListPage} title=${title} about=${t('limits.about')} found=${limits} actions=${actions}
        toolbar=${html`<${Filters} all=${all} query=${query} filter=${filter} />`}
        clear=${() => filter(Object.fromEntries(FILTERS.map((name) => [name, ''])))}
        none=${{ title: t('limits.none'), text: t('limits.none_text'), act: set }} columns=${columns()} rows=${rows} rowKey=${rowKey}
        current=${shown && rowKey(shown)}
        href=${(row) => limitLink(row.dimension, row.subject, query)} order=${{ key: 'use', isDown: true }}>
        ${id.includes('/') && html`<${Detail} key=${id} id=${id} query=${query} onStep=${step} onChanged=${limits.reload} />`}
        ${task === 'new' && html`<${SetNew} onClose=${close} onDone=${onSet} />`}
        ${task === 'try' && html`<${Try} onClose=${close} />`}
        ${task === 'import' && html`<${Import} onClose=${close} onDone=${limits.reload} />`}<//>`;
}
