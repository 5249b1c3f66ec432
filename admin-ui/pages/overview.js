/* Overview: is all well? Requests, refusals, tokens and cost over an hour, a day or a week, and what is near its limit.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Chart } from '../chart.js';
import {
    AsOf, count, dayAndClock, get, go, html, link, Loaded, Page, percent, seconds, Segments, shortCount, shortUsd, t,
    Time, usd, useData, zoneOf,
} from '../ui.js';
import { Reason, Use } from './parts.js';

export const title = 'page.overview';

/* What a range asks for, and how many steps make one bar, so that a chart has 60 to 96 of them. Bars, not lines: the
 * last step is not over yet, and a line that falls at its end looks like a fault. */
const RANGES = {
    '1h': { span: 3600, step: 'minute', stepSeconds: 60, group: 1 },
    '24h': { span: 86400, step: 'minute', stepSeconds: 60, group: 15 },
    '7d': { span: 604800, step: 'hour', stepSeconds: 3600, group: 2 },
};

const SERIES = ['requests', 'served', 'refused', 'failed', 'input_tokens', 'output_tokens', 'cost_micros', 'findings'];

/* Whole steps, half open: the one that is not over yet is in. */
function windowOf(range) {
    const size = range.stepSeconds * range.group;
    const end = (Math.floor(Date.now() / 1000 / size) + 1) * size;
    return { from: end - range.span, to: end, size };
}

/* Sums group steps into one point; a moment the server does not name is a moment without requests. */
export function gather(stats, { from, to, size }) {
    const points = Math.round((to - from) / size);
    const at = Array.from({ length: points }, (_, i) => from + i * size);
    const out = { at };
    for (const name of SERIES) out[name] = new Array(points).fill(0);
    stats.series.at.forEach((moment, i) => {
        const place = Math.floor((Date.parse(moment) / 1000 - from) / size);
        if (place < 0 || place >= points) return;
        for (const name of SERIES) out[name][place] += (stats.series[name] && stats.series[name][i]) || 0;
    });
    return out;
}

async function loadStats(range, signal) {
    const window = windowOf(range);
    const iso = (moment) => new Date(moment * 1000).toISOString().replace('.000Z', 'Z');
    const stats = await get('stats', { from: iso(window.from), to: iso(window.to), step: range.step }, signal);
    const series = gather(stats, window);
    const totals = {};
    for (const name of SERIES) totals[name] = series[name].reduce((sum, value) => sum + value, 0);
    return { series, totals, size: window.size };
}

function peak(at, values) {
    let best = 0;
    values.forEach((value, i) => { if (value > values[best]) best = i; });
    return { value: values[best] || 0, time: dayAndClock(at[best]) };
}

function Tile({ label, value, note, tone = '', href }) {
    const inside = html`<span class="tile-label">${label}</span><b>${value}</b><span class="tile-note">${note}</span>`;
    if (!href) return html`<div class=${`tile ${tone}`}>${inside}</div>`;
    return html`<a class=${`tile ${tone}`} href=${href}>${inside}</a>`;
}

function Tiles({ totals, range }) {
    const toRequests = (decision) => link('requests', '', { range, decision });
    const share = (name, words) => (totals.requests ? t(words, { share: percent(totals[name], totals.requests) })
        : t('overview.none'));
    const ofRequests = (name) => share(name, 'overview.of_requests');
    return html`<div class="tiles">
        <${Tile} label=${t('overview.requests')} value=${shortCount(totals.requests)}
            note=${share('served', 'overview.served')} href=${toRequests('')} />
        <${Tile} label=${t('overview.refused')} value=${shortCount(totals.refused)} note=${ofRequests('refused')}
            tone=${totals.refused ? 'warn' : ''} href=${toRequests('refused')} />
        <${Tile} label=${t('overview.failed')} value=${shortCount(totals.failed)} note=${ofRequests('failed')}
            tone=${totals.failed ? 'bad' : ''} href=${toRequests('failed')} />
        <${Tile} label=${t('overview.tokens')} value=${shortCount(totals.input_tokens + totals.output_tokens)}
            note=${t('overview.tokens_in_out', { input: shortCount(totals.input_tokens),
                output: shortCount(totals.output_tokens) })} />
        <${Tile} label=${t('overview.cost')} value=${shortUsd(totals.cost_micros)}
            note=${totals.requests ? t('overview.per_thousand',
            { cost: shortUsd((totals.cost_micros / totals.requests) * 1000) }) : 'USD'} />
        <${Tile} label=${t('overview.findings')} value=${shortCount(totals.findings)}
            note=${t('overview.findings_note')} />
    </div>`;
}

function Charts({ data }) {
    const { series, totals, size } = data;
    const each = seconds(size);
    const most = peak(series.at, series.requests);
    const tokens = series.input_tokens.map((value, i) => value + series.output_tokens[i]);
    const mostTokens = peak(series.at, tokens);
    const mostCost = peak(series.at, series.cost_micros);
    const common = { at: series.at, step: size };
    return html`<div class="charts">
        <${Chart} ...${common} title=${t('overview.requests')} unit=${t('unit.requests')} write=${count}
            short=${shortCount}
            summary=${totals.requests ? t('overview.requests_summary',
                { total: count(totals.requests), most: count(most.value), time: most.time, each })
                : t('overview.no_requests')}
            series=${[{ key: 'requests', label: t('overview.requests'), values: series.requests, tone: 'accent' }]} />
        <${Chart} ...${common} title=${t('overview.refusals')} unit=${t('unit.requests')} write=${count}
            short=${shortCount}
            summary=${!totals.refused && !totals.failed ? t('overview.no_refusals_here')
                : t('overview.refusals_summary', { refused: count(totals.refused), failed: count(totals.failed),
                each })}
            series=${[{ key: 'refused', label: t('overview.refused'), values: series.refused, tone: 'warn' },
                { key: 'failed', label: t('overview.failed'), values: series.failed, tone: 'bad' }]} />
        <${Chart} ...${common} title=${t('overview.tokens')} unit=${t('unit.tokens')} write=${count} short=${shortCount}
            summary=${!tokens.some(Boolean) ? t('overview.no_tokens')
                : t('overview.tokens_summary', { input: count(totals.input_tokens),
                output: count(totals.output_tokens), most: count(mostTokens.value), time: mostTokens.time, each })}
            series=${[{ key: 'input', label: t('overview.input'), values: series.input_tokens, tone: 'accent' },
                { key: 'output', label: t('overview.output'), values: series.output_tokens, tone: 'second' }]} />
        <${Chart} ...${common} title=${t('overview.cost')} unit="USD" write=${usd} short=${shortUsd}
            summary=${!totals.cost_micros ? t('overview.no_cost')
                : t('overview.cost_summary', { total: usd(totals.cost_micros), most: usd(mostCost.value),
                time: mostCost.time, each })}
            series=${[{ key: 'cost', label: t('overview.cost'), values: series.cost_micros, tone: 'accent' }]} />
    </div>`;
}

/* The few limits that are nearest to their end: who will call next. */
function Nearest() {
    const limits = useData((signal) => get('limits', { limit: 500 }, signal), [], { every: 30 });
    const near = limits.data && limits.data.items.filter((row) => row.amount > 0 && row.used / row.amount >= 0.5)
        .sort((a, b) => b.used / b.amount - a.used / a.amount).slice(0, 6);
    return html`<section class="card"><header class="card-head"><h2>${t('overview.nearest')}</h2><a
        href=${link('limits')}>${t('overview.all_limits')}</a></header>
        <${Loaded} from=${limits} rows="3" isEmpty=${near && !near.length}
            empty=${html`<p class="quiet-note">${t('overview.nearest_none')}</p>`}>
            <ul class="lines">${near && near.map((row) => html`<li key=${row.scope + row.subject + row.limit}>
                <span class="line-name" title=${row.subject}>${row.label || row.subject}</span><${Use}
                    row=${row} /></li>`)}</ul><//></section>`;
}

function LatestRefusals() {
    const refusals = useData((signal) => get('requests', { decision: 'refused', limit: 6 }, signal), [], { every: 30 });
    const rows = refusals.data && refusals.data.items;
    const all = link('requests', '', { decision: 'refused' });
    return html`<section class="card"><header class="card-head">
            <h2>${t('overview.latest_refusals')} <small>${zoneOf()}</small></h2>
            <a href=${all}>${t('overview.all_refusals')}</a></header>
        <${Loaded} from=${refusals} rows="3" isEmpty=${rows && !rows.length}
            empty=${html`<p class="quiet-note">${t('overview.no_refusals')}</p>`}>
            <ul class="lines">${rows && rows.map((row) => html`<li key=${row.position || row.id}>
                <a class="line-name" href=${link('requests', row.id)}><${Time} at=${row.at} /></a><span
                    class="line-name">${row.key_name || row.key_id || row.address}</span>
                <${Reason} record=${row} /></li>`)}</ul><//></section>`;
}

export default function Overview({ query }) {
    const range = RANGES[query.range] ? query.range : '24h';
    const stats = useData((signal) => loadStats(RANGES[range], signal), [range], { every: 30 });
    const isOfRange = stats.data && stats.data.size === RANGES[range].stepSeconds * RANGES[range].group;
    return html`<${Page} title=${t(title)} about=${t('overview.about')} actions=${html`<${AsOf} from=${stats} />
        <${Segments} label=${t('overview.range')} value=${range}
            onChange=${(value) => go('overview', '', { range: value })}
            options=${Object.keys(RANGES).map((value) => ({ value, label: t(`range.${value}`) }))} />`}>
        <${Loaded} from=${stats} rows="8">${isOfRange && html`<${Tiles} totals=${stats.data.totals}
            range=${range} /><${Charts} data=${stats.data} />`}<//>
        <div class="columns"><${Nearest} /><${LatestRefusals} /></div><//>`;
}
