/* A chart is a figure with a sentence and a table: the bars are for the eye, the other two are for everyone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stacked bars over time, drawn as SVG: their colours are style.css's, so a change of theme draws nothing anew. The
 * legend carries the numbers under the pointer, with their units, and a mark beside each colour.
 */
import { useEffect, useRef, useState } from './vendor/hooks.js';
import { clockTime, dayAndClock, isUtc, shortDay, zoneOf } from './format.js';
import { Table } from './table.js';
import { html, Segments } from './ui.js';
import { t } from './words.js';

const HEIGHT = 176;
const EDGE = { top: 10, right: 8, bottom: 26, left: 58 };
const LABEL_WIDTH = 58;
const LINES_MOST = 4;
/* Counts, tokens and millionths of a dollar are whole: half a request would be a strange thing to read. */
const STEPS = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();
const SPANS = [60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

/* The pointer is at the same moment in every chart. */
const followers = new Set();
const point = (index) => followers.forEach((follow) => follow(index));

/* Bars that stand on one another: each begins where those after it end. */
function stacked(series, length) {
    const tops = new Array(length).fill(0);
    return [...series].reverse().map(({ values, tone }) => ({
        tone,
        pieces: values.map((value, i) => {
            const from = tops[i];
            tops[i] += value || 0;
            return [from, tops[i]];
        }),
    }));
}

/* Moments that deserve a label: round ones of the chosen zone, as many as there is room for. */
function labelled(first, last, width) {
    const span = SPANS.find((one) => (one / (last - first)) * width >= LABEL_WIDTH) || SPANS[SPANS.length - 1];
    const shift = isUtc() ? 0 : -new Date(first * 1000).getTimezoneOffset() * 60;
    const moments = [];
    for (let at = Math.ceil((first + shift) / span) * span - shift; at < last; at += span) moments.push(at);
    return moments;
}

function timeWords(at, isLong) {
    return isLong && clockTime(at) === '00:00' ? shortDay(at) : clockTime(at);
}

/* Where moments and values are in the picture. */
function scaleOf({ at, step }, layers, width) {
    const most = Math.max(0, ...layers.flatMap((layer) => layer.pieces.map(([, to]) => to)));
    const top = most > 0 ? most * 1.08 : 1;
    const [first, last] = [at[0] - step / 2, at[at.length - 1] + step / 2];
    const [wide, high] = [width - EDGE.left - EDGE.right, HEIGHT - EDGE.top - EDGE.bottom];
    const x = (moment) => EDGE.left + ((moment - first) / (last - first)) * wide;
    const y = (value) => EDGE.top + high * (1 - value / top);
    return { most, top, first, last, wide, x, y, slot: (step / (last - first)) * wide };
}

function barPath({ pieces }, at, { x, y, slot }) {
    const width = Math.min(40, Math.max(1, slot * 0.7));
    return pieces.map(([from, to], i) => (to > from ? `M${(x(at[i]) - width / 2).toFixed(1)} ${y(from).toFixed(1)}V${
        y(to).toFixed(1)}h${width.toFixed(1)}V${y(from).toFixed(1)}z` : '')).join('');
}

function Picture({ at, series, step, short, width, index }) {
    const layers = stacked(series, at.length);
    const scale = scaleOf({ at, step }, layers, width);
    const { x, y, top, first, last } = scale;
    const line = STEPS.find((one) => top / one <= LINES_MOST);
    const lines = Array.from({ length: Math.floor(top / line) + 1 }, (_, i) => i * line);
    const isLong = last - first > 2 * 86400;
    return html`<svg width=${width} height=${HEIGHT}>
        <path class="grid" d=${lines.map((value) => `M${EDGE.left} ${Math.round(y(value)) + 0.5}H${
            width - EDGE.right}`).join('')} />
        ${lines.map((value) => html`<text key=${value} class="value" x=${EDGE.left - 6} y=${y(value) + 4}>${
            value === 0 || scale.most > 0 ? short(value) : ''}</text>`)}
        ${layers.map((layer) => html`<path key=${layer.tone} class=${layer.tone} d=${barPath(layer, at, scale)} />`)}
        ${labelled(first, last, scale.wide).map((moment) => html`<text key=${moment} class="time" x=${x(moment)}
            y=${HEIGHT - 8}>${timeWords(moment, isLong)}</text>`)}
        ${index !== null && html`<path class="pointer" d=${`M${Math.round(x(at[index])) + 0.5} ${EDGE.top}V${
            HEIGHT - EDGE.bottom}`} />`}</svg>`;
}

function Canvas(props) {
    const { at } = props;
    const box = useRef();
    const [width, setWidth] = useState(0);
    useEffect(() => {
        const resized = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
        resized.observe(box.current);
        return () => resized.disconnect();
    }, []);
    function onMove(event) {
        const left = event.clientX - box.current.getBoundingClientRect().left - EDGE.left;
        const index = Math.floor((left / (width - EDGE.left - EDGE.right)) * at.length);
        point(Math.min(at.length - 1, Math.max(0, index)));
    }
    return html`<div class="canvas" ref=${box} aria-hidden="true" onPointerMove=${onMove}
        onPointerLeave=${() => point(null)}>${width > 0 && at.length > 0 && html`<${Picture} ...${props}
        width=${width} />`}</div>`;
}

/* series: [{key, label, values, tone}], from the top of the bars to their foot; write(value) exact,
 * short(value) for the axis, both with unit; unit names it in the table's head; summary is the sentence. */
export function Chart(props) {
    const { title, summary, at, series, write, unit } = props;
    const [face, turn] = useState('chart');
    const [index, setIndex] = useState(null);
    const i = index !== null && index < at.length ? index : null;
    useEffect(() => {
        followers.add(setIndex);
        return () => followers.delete(setIndex);
    }, []);

    const columns = [
        { key: 'at', label: t('table.time', { zone: zoneOf() }), cell: (row) => dayAndClock(row.at),
            sort: (row) => row.at },
        ...series.map((one) => ({
            key: one.key, label: `${one.label} (${unit})`, isNumber: true, cell: (row) => write(row[one.key]),
                sort: (row) => row[one.key],
        })),
    ];
    const rows = () => at.map((moment, k) => Object.fromEntries([['at', moment],
        ...series.map((one) => [one.key, one.values[k]])])).reverse();

    return html`<figure class="card chart">
        <figcaption><div class="chart-head"><h2>${title}</h2>
            <${Segments} label=${t('chart.faces', { title })} value=${face} onChange=${turn}
                options=${[{ value: 'chart', label: t('chart.chart') },
                    { value: 'table', label: t('chart.table') }]} /></div>
            <p>${summary}</p></figcaption>
        ${face === 'table' ? html`<div class="chart-table"><${Table} caption=${title} columns=${columns}
            rows=${rows()} rowKey=${(row) => row.at} /></div>`
            : html`<${Canvas} ...${props} index=${i} />
            <ul class="legend">${series.map((one) => html`<li key=${one.key} class=${one.tone}>
                <i class="dot"></i>${one.label}${i !== null && html` <b>${write(one.values[i])}</b>`}</li>`)}
                <li class="moment">${i !== null && `${dayAndClock(at[i])} ${zoneOf(new Date(at[i] * 1000))}`}</li></ul>`}
    </figure>`;
}
