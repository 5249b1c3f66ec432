/* Burn-down of a limit: what was left when, where it is heading, and a sentence that says the same.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The line is anchored at what the counter says is left now and goes back over what the records say was used, so that it
 * ends where the bar stands. Broken on is the forecast: to the day of exhaustion, or to the end of the period. Of a window
 * that rolls there is no end; it is shown as what was used in each step.
 */
import { Chart } from '../chart.js';
import { Table } from '../table.js';
import {
    amountWords, count, dayAndClock, fullTime, html, Notice, Segments, shortCount, shortDay, shortUsd, t, useEffect, useRef,
    useState, zoneOf,
} from '../ui.js';

const HEIGHT = 190;
const EDGE = { top: 12, right: 10, bottom: 26, left: 62 };
const LABEL_WIDTH = 64;

const secondsOf = (iso) => Date.parse(iso) / 1000;

/* Points of what was left: at the beginning of each step, and now. */
export function remainders({ burn, remaining }, now) {
    let left = remaining;
    const points = [{ at: now, left }];
    for (let i = burn.at.length - 1; i >= 0; i -= 1) {
        left += burn.amounts[i];
        points.unshift({ at: secondsOf(burn.at[i]), left });
    }
    return points;
}

/* Where the line goes on to. */
export function heading({ burn, remaining }, now) {
    const end = secondsOf(burn.to);
    if (burn.exhausted_at) return { at: secondsOf(burn.exhausted_at), left: 0 };
    const left = remaining - burn.rate_per_day * ((end - now) / 86400);
    return { at: end, left: Math.max(0, left) };
}

export function forecastWords(row) {
    const { burn } = row;
    if (!burn) return '';
    const rate = t('burn.rate', { amount: amountWords(row.quantity, burn.rate_per_day) });
    if (row.remaining === 0) return t('burn.used_up');
    if (burn.exhausted_at) return `${rate} ${t('burn.exhausted', { time: fullTime(burn.exhausted_at) })}`;
    return `${rate} ${row.period_to ? t('burn.lasts', { time: fullTime(row.period_to),
        projected: amountWords(row.quantity, burn.projected) }) : t('burn.lasts_window')}`;
}

const isMoney = (row) => row.quantity === 'micros';
const writer = (row) => (isMoney(row) ? shortUsd : shortCount);

function useWidth() {
    const box = useRef();
    const [width, setWidth] = useState(0);
    useEffect(() => {
        const resized = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
        resized.observe(box.current);
        return () => resized.disconnect();
    }, []);
    return [box, width];
}

/* Rounds up to what people count in: 1, 2 or 5 times a power of ten. */
function stepOf(most) {
    const power = 10 ** Math.floor(Math.log10(Math.max(1, most / 4)));
    return [1, 2, 5, 10].map((n) => n * power).find((one) => most / one <= 4) || 10 * power;
}

function pathOf(points, x, y) {
    return points.map((point, i) => `${i ? 'L' : 'M'}${x(point.at).toFixed(1)} ${y(point.left).toFixed(1)}`).join('');
}

function Picture({ row, now, width }) {
    const { burn } = row;
    const [first, last] = [secondsOf(burn.from), secondsOf(burn.to)];
    const points = remainders(row, now).filter((point) => point.at <= now);
    const top = Math.max(row.amount, ...points.map((point) => point.left));
    const [wide, high] = [width - EDGE.left - EDGE.right, HEIGHT - EDGE.top - EDGE.bottom];
    const x = (at) => EDGE.left + ((at - first) / (last - first)) * wide;
    const y = (left) => EDGE.top + high * (1 - left / top);
    const line = stepOf(top);
    const lines = Array.from({ length: Math.floor(top / line) + 1 }, (_, i) => i * line);
    const labels = Math.max(1, Math.floor(wide / LABEL_WIDTH));
    const isShort = last - first <= 2 * 86400;
    const moments = Array.from({ length: Math.min(labels, 6) + 1 }, (_, i) => first + ((last - first) * i) / Math.min(labels, 6));
    const end = heading(row, now);
    const short = writer(row);
    return html`<svg width=${width} height=${HEIGHT} class="burn">
        <path class="grid" d=${lines.map((value) => `M${EDGE.left} ${Math.round(y(value)) + 0.5}H${width - EDGE.right}`).join('')} />
        ${lines.map((value) => html`<text key=${value} class="value" x=${EDGE.left - 6} y=${y(value) + 4}>${short(value)}</text>`)}
        <path class="even" d=${`M${x(first)} ${y(row.amount)}L${x(last)} ${y(0)}`} />
        <path class="left" d=${pathOf(points, x, y)} />
        ${row.remaining > 0 && html`<path class=${`ahead ${burn.exhausted_at ? 'bad' : ''}`}
            d=${pathOf([{ at: now, left: row.remaining }, end], x, y)} />`}
        <path class="pointer" d=${`M${Math.round(x(now)) + 0.5} ${EDGE.top}V${HEIGHT - EDGE.bottom}`} />
        ${burn.exhausted_at && html`<circle class="bad" cx=${x(end.at)} cy=${y(0)} r="4" />`}
        ${moments.map((moment, i) => html`<text key=${moment} class=${i === 0 ? 'time first' : i === moments.length - 1
            ? 'time last' : 'time'} x=${x(moment)} y=${HEIGHT - 8}>${isShort ? dayAndClock(moment).slice(6)
            : shortDay(moment)}</text>`)}</svg>`;
}

function BurnDown({ row, title }) {
    const [face, turn] = useState('chart');
    const [box, width] = useWidth();
    const now = Date.now() / 1000;
    const { burn } = row;
    const columns = [
        { key: 'at', label: t('table.time', { zone: zoneOf() }), cell: (one) => dayAndClock(one.at), sort: (one) => one.at },
        { key: 'used', label: t('burn.used'), isNumber: true, cell: (one) => amountWords(row.quantity, one.used),
            sort: (one) => one.used },
        { key: 'left', label: t('burn.left'), isNumber: true, cell: (one) => amountWords(row.quantity, one.left),
            sort: (one) => one.left },
    ];
    const points = remainders(row, now);
    const rows = () => burn.at.map((_, i) => ({ at: points[i].at, used: burn.amounts[i], left: points[i + 1].left })).reverse();
    return html`<figure class="card chart"><figcaption><div class="chart-head"><h4>${title}</h4>
            <${Segments} label=${t('chart.faces', { title })} value=${face} onChange=${turn}
                options=${[{ value: 'chart', label: t('chart.chart') }, { value: 'table', label: t('chart.table') }]} /></div>
            <p>${forecastWords(row)}</p></figcaption>
        ${face === 'table' ? html`<div class="chart-table"><${Table} caption=${title} columns=${columns} rows=${rows()}
            rowKey=${(one) => one.at} /></div>`
            : html`<div class="canvas tall" ref=${box} aria-hidden="true">${width > 0 && html`<${Picture} row=${row} now=${now}
                width=${width} />`}</div>
            <ul class="legend"><li><i class="dot"></i>${t('burn.left')}</li><li class=${`ahead ${burn.exhausted_at ? 'bad' : ''}`}><i class="dash"></i>${t('burn.ahead')}</li>
                <li class="even"><i class="dash"></i>${t('burn.even')}</li></ul>`}</figure>`;
}

/* Of a window that rolls: what was used in each step. */
function Rolling({ row, title }) {
    const { burn } = row;
    const write = (value) => amountWords(row.quantity, value);
    return html`<${Chart} title=${title} at=${burn.at.map(secondsOf)} step=${burn.step_seconds} unit=${isMoney(row) ? 'USD' : ''}
        write=${write} short=${writer(row)} summary=${forecastWords(row)}
        series=${[{ key: 'used', label: t('burn.used'), values: burn.amounts, tone: 'accent' }]} />`;
}

export function Burn({ row, title }) {
    if (!row.burn) return null;
    return html`${row.period_to ? html`<${BurnDown} row=${row} title=${title} />`
        : html`<${Rolling} row=${row} title=${title} />`}
        ${row.burn.is_cut && html`<${Notice} tone="warn">${t('burn.cut', { n: count(10000) })}<//>`}`;
}
