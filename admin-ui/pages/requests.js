/* Requests: the audit. One line a request, refused ones too; filters stand in the address, so a view can be sent on.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Table } from '../table.js';
import {
    address, AsOf, Button, Chip, Choice, count, Empty, fromInput, get, go, goQuietly, html, Icon, link, Loaded,
    milliseconds, Notice, Page, Search, stepper, t, Text, Time, timeLabel, toInput, tValue, usd, useData, useEffect,
    useMay, useRef, useSettled, useState, zoneOf,
} from '../ui.js';
import { Decision, DECISIONS, Findings, Reason, userOf } from './parts.js';
import { RequestPanel } from './request.js';

export const title = 'page.requests';

const RANGES = { '1h': 3600, '24h': 86400, '7d': 604800, '30d': 2592000 };
const FILTERS = ['key', 'team', 'user', 'model', 'endpoint', 'reason', 'finding'];
const ENDPOINTS = ['/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/embeddings', '/v1/models'];
const PART = 100;
/* The server looks at so many records a call; a rare thing in a long ledger takes some calls that bring nothing. */
const EMPTY_PARTS = 5;

/* What the server is asked: a range becomes the moment it begins, everything else goes as it stands. */
function askedOf(query) {
    const { range, ...rest } = query;
    if (!rest.from && RANGES[range]) rest.from = new Date(Date.now() - RANGES[range] * 1000).toISOString();
    return rest;
}

async function loadPart(query, cursor, signal) {
    let part = { items: [], next_cursor: cursor };
    for (let turn = 0; turn < EMPTY_PARTS && !part.items.length; turn += 1) {
        part = await get('requests', { ...query, limit: PART, cursor: part.next_cursor }, signal);
        if (!part.next_cursor) break;
    }
    return part;
}

/* The first part, and what "load more" added to it. */
function useRecords(query) {
    const asked = JSON.stringify(query);
    const first = useData((signal) => loadPart(askedOf(query), '', signal), [asked]);
    const [rest, setRest] = useState({ items: [], cursor: null, isLoading: false, problem: null });
    const of = useRef(null);
    of.current = first.data;
    useEffect(() => setRest({ items: [], cursor: first.data ? first.data.next_cursor : null, isLoading: false,
        problem: null }), [first.data]);

    async function more() {
        const beganWith = first.data;
        setRest((old) => ({ ...old, isLoading: true, problem: null }));
        try {
            const part = await loadPart(askedOf(query), rest.cursor);
            if (of.current !== beganWith) return; /* another question was asked meanwhile */
            setRest((old) => ({ items: [...old.items, ...part.items], cursor: part.next_cursor, isLoading: false,
                problem: null }));
        } catch (problem) {
            setRest((old) => ({ ...old, isLoading: false, problem }));
        }
    }
    const rows = first.data ? [...first.data.items, ...rest.items] : [];
    return { first, rows, rest, more: { hasMore: Boolean(rest.cursor), isLoading: rest.isLoading, onMore: more } };
}

const took = (row) => (row.took_micros ? row.took_micros / 1000 : null);

function tokensWords(row) {
    if (!row.input_tokens && !row.output_tokens) return html`<span class="nothing">–</span>`;
    return `${count(row.input_tokens)} + ${count(row.output_tokens)}`;
}

const columns = () => [
    { key: 'at', label: timeLabel(), kind: 'fixed', cell: (row) => html`<${Time} at=${row.at} />`, sort: true },
    { key: 'decision', label: t('requests.decision'), cell: (row) => html`<span class="one-line"><${Decision}
        record=${row} /> <${Reason} record=${row} /></span>`, sort: (row) => DECISIONS.indexOf(row.decision) },
    { key: 'key', label: t('requests.key'), kind: 'clip', cell: (row) => html`<${Text}
        value=${row.key_name || row.key_id} />`, sort: (row) => row.key_name || null },
    { key: 'team', label: t('requests.team'), kind: 'clip roomy', sort: true },
    { key: 'user', label: t('requests.user'), kind: 'clip', cell: (row) => html`<${Text} value=${userOf(row)} />`,
        sort: (row) => userOf(row) || null },
    { key: 'model', label: t('requests.model'), kind: 'clip', cell: (row) => html`<${Text}
        value=${row.model_served || row.model_asked} />`, sort: (row) => row.model_served || row.model_asked || null },
    { key: 'endpoint', label: t('requests.endpoint'), kind: 'clip quiet roomy',
        cell: (row) => String(row.endpoint).replace(/^\/v1\//, '') },
    { key: 'findings', label: t('requests.findings'), cell: (row) => html`<${Findings} list=${row.findings} />` },
    { key: 'tokens', label: t('requests.tokens_in_out'), isNumber: true, cell: (row) => tokensWords(row),
        sort: (row) => row.input_tokens + row.output_tokens },
    { key: 'cost', label: t('requests.cost'), isNumber: true,
        cell: (row) => (row.cost_micros ? usd(row.cost_micros) : html`<span class="nothing">–</span>`),
        sort: (row) => row.cost_micros },
    { key: 'took', label: t('requests.took'), isNumber: true, cell: (row) => milliseconds(took(row)), sort: took },
];

/* "Custom" opens two fields for moments; they stand in the address as RFC 3339. */
function RangeFilter({ query, filter }) {
    const isCustom = Boolean(query.from || query.to);
    const [isOpen, open] = useState(isCustom);
    const value = isOpen ? 'custom' : RANGES[query.range] ? query.range : '';
    function choose(next) {
        open(next === 'custom');
        if (next !== 'custom') filter({ range: next, from: '', to: '' });
    }
    const moment = (name) => html`<input type="datetime-local" value=${toInput(query[name])}
        aria-label=${t(`requests.${name}`, { zone: zoneOf() })}
        title=${t(`requests.${name}`, { zone: zoneOf() })} onChange=${(e) => filter({ range: '',
            [name]: fromInput(e.target.value) || '' })} />`;
    return html`<${Choice} label=${t('requests.range')} value=${value} onChange=${choose}
        options=${[{ value: '', label: t('range.all') },
            ...Object.keys(RANGES).map((one) => ({ value: one, label: t(`range.last_${one}`) })),
            { value: 'custom', label: t('range.custom') }]} />
        ${isOpen && html`<span class="between">${moment('from')}<span>–</span>${moment('to')}<span
            class="hint">${zoneOf()}</span></span>`}`;
}

/* A text that may name a key, a team, a user …; the chosen ones stand as chips that can be taken away. */
function NameFilter({ query, filter }) {
    const [name, setName] = useState('key');
    const [value, setValue] = useState('');
    function add(event) {
        event.preventDefault();
        if (value.trim()) filter({ [name]: value.trim() });
        setValue('');
    }
    return html`<form class="name-filter" onSubmit=${add}>
        <${Choice} label=${t('requests.filter_by')} value=${name} onChange=${setName}
            options=${FILTERS.map((one) => ({ value: one, label: t(`requests.${one}`) }))} />
        <input value=${value} list="filter-values" aria-label=${t(`requests.${name}`)}
            placeholder=${t('requests.filter_value')} autocomplete="off" spellcheck=${false}
            onInput=${(e) => setValue(e.target.value)} />
        <datalist id="filter-values">${name === 'endpoint'
            && ENDPOINTS.map((one) => html`<option key=${one} value=${one} />`)}</datalist>
        <button type="submit" class="button"><span>${t('act.add')}</span></button></form>`;
}

function ChosenFilters({ query, filter }) {
    const chosen = FILTERS.filter((name) => query[name]);
    if (!chosen.length) return null;
    return html`<ul class="chosen" aria-label=${t('requests.chosen')}>${chosen.map((name) => html`<li
        key=${name}><${Chip} tone="accent">${t(`requests.${name}`)}: ${query[name]}<//>
        <${Button} kind="bare" icon="close" aria-label=${t('requests.drop', { name: t(`requests.${name}`) })}
            onClick=${() => filter({ [name]: '' })} /></li>`)}</ul>`;
}

export default function Requests({ id, query }) {
    const [words, setWords] = useState(query.q || '');
    const settled = useSettled(words);
    const filter = (change) => goQuietly('requests', id, { ...query, ...change });
    useEffect(() => { if (settled !== (query.q || '')) filter({ q: settled }); }, [settled]);
    const { first, rows, rest, more } = useRecords(query);
    const mayExport = useMay('export');
    const mayRead = useMay('read_texts');
    const isFiltered = Object.keys(query).length > 0;

    const step = stepper('requests', id, query, rows.map((row) => row.id));
    function clear() {
        setWords('');
        go('requests', id);
    }
    const exportLink = mayExport && html`<a class="button" download href=${address('exports', askedOf(query)).href}
        title=${t('requests.export_hint')}><${Icon} name="down" /><span>${t('requests.export')}</span></a>`;
    const nothing = isFiltered
        ? html`<${Empty} title=${t('state.no_match')}><${Button} onClick=${clear}>${t('act.clear_filters')}<//><//>`
        : html`<${Empty} title=${t('requests.none')}><p>${t('requests.none_text')}</p><//>`;

    return html`<${Page} title=${t(title)} about=${t(mayRead ? 'requests.about' : 'requests.about_viewer')}
        actions=${html`<${AsOf} from=${first} />${exportLink}`}>
        <div class="toolbar"><${RangeFilter} query=${query} filter=${filter} />
            <${Choice} label=${t('requests.decision')} value=${query.decision || ''}
                onChange=${(decision) => filter({ decision })}
                options=${[{ value: '', label: t('requests.any_decision') },
                    ...DECISIONS.map((value) => ({ value, label: tValue('decision', value) }))]} />
            <${NameFilter} query=${query} filter=${filter} />
            ${mayRead && html`<${Search} value=${words} label=${t('requests.search')} onChange=${setWords} />`}
            <${ChosenFilters} query=${query} filter=${filter} />
            ${isFiltered && html`<${Button} kind="bare" onClick=${clear}>${t('act.clear_filters')}<//>`}</div>
        <${Loaded} from=${first} rows="10" isEmpty=${!rows.length && !more.hasMore} empty=${nothing}>
            <${Table} caption=${t(title)} columns=${columns()} rows=${rows} rowKey=${(row) => row.position || row.id}
                current=${currentOf(rows, id)}
                href=${(row) => link('requests', row.id, query)} more=${more} />
            ${rest.problem && html`<${Notice} problem=${rest.problem} onRetry=${more.onMore} />`}<//>
        ${id && html`<${RequestPanel} key="detail" id=${id} query=${query} onStep=${step} />`}<//>`;
}

function currentOf(rows, id) {
    const found = id && rows.find((row) => row.id === id);
    return found ? found.position || found.id : undefined;
}
