/* A chart is a figure with a sentence and a table: the canvas is for the eye, the other two are for everyone.
 * SPDX-License-Identifier: Apache-2.0
 *
 * uPlot draws; this file alone knows it. Its own legend is off: ours carries the numbers under the pointer, with their
 * units, and a mark beside each colour. Colours are read from style.css when they are used, so a change of theme only
 * asks for a redraw.
 */
import { useEffect, useRef, useState } from './vendor/hooks.js';
import uPlot from './vendor/uplot.js';
import { clockTime, dayAndClock, isUtc, shortDay, zoneOf } from './format.js';
import { Table } from './table.js';
import { html, Segments } from './ui.js';
import { t } from './words.js';

const HEIGHT = 176;
/* Counts, tokens and millionths of a dollar are whole: half a request would be a strange thing to read. */
const STEPS = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();

const together = uPlot.sync('console'); /* the pointer is at the same moment in every chart */

function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/* Bars that stand on one another: each becomes the sum of itself and those after it, and the tallest is drawn first. */
function stacked(series) {
    let below = null;
    return series.map((one) => one.values).reverse().map((values) => {
        below = values.map((value, i) => (value === null ? null : value + (below ? below[i] || 0 : 0)));
        return below;
    }).reverse();
}

/* As many labels as there is room for; days where the range is longer than one. */
function timeLabels(plot, splits) {
    const span = plot.scales.x.max - plot.scales.x.min;
    const isLong = span > 2 * 86400;
    return splits.map((at) => (isLong && clockTime(at) === '00:00' ? shortDay(at) : clockTime(at)));
}

function optionsOf({ series, short, step }, width, onPoint) {
    const isFlat = series.every((one) => one.values.every((value) => !value));
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { font, stroke: () => colour('muted'), ticks: { show: false } };
    const bars = uPlot.paths.bars({ size: [0.7, 40], gap: 1 });
    return {
        width,
        height: HEIGHT,
        padding: [10, 8, 0, 0],
        legend: { show: false },
        tzDate: (at) => (isUtc() ? uPlot.tzDate(new Date(at * 1000), 'Etc/UTC') : new Date(at * 1000)),
        cursor: { y: false, drag: { x: false, y: false }, sync: { key: together.key, setSeries: false },
            points: { show: false } },
        scales: {
            x: { range: (plot, min, max) => [min - step / 2, max + step / 2] },
            y: { range: (plot, min, max) => [0, max > 0 ? max * 1.08 : 1] },
        },
        axes: [
            { ...axis, values: timeLabels, space: 58, grid: { show: false }, size: 26 },
            {
                ...axis, size: 58, gap: 6, space: 34,
                grid: { stroke: () => colour('grid'), width: 1 }, incrs: STEPS,
                values: (plot, splits) => splits.map((value) => (isFlat && value > 0 ? '' : short(value))),
            },
        ],
        series: [{}, ...series.map((one) => ({
            label: one.label,
            stroke: () => colour(one.tone),
            fill: () => colour(one.tone),
            width: 0,
            paths: bars,
            points: { show: false },
        }))],
        hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx)] },
    };
}

function Canvas(props) {
    const box = useRef();
    useEffect(() => {
        const { at, series, onPoint } = props;
        const data = [at, ...stacked(series)];
        const plot = new uPlot(optionsOf(props, box.current.clientWidth, onPoint), data, box.current);
        const resized = new ResizeObserver(([entry]) => {
            const width = Math.floor(entry.contentRect.width);
            if (width > 0 && width !== plot.width) plot.setSize({ width, height: HEIGHT });
        });
        const redraw = () => plot.redraw();
        resized.observe(box.current);
        addEventListener('themechange', redraw);
        return () => {
            resized.disconnect();
            removeEventListener('themechange', redraw);
            plot.destroy();
        };
    }, [props.at, props.series]);
    return html`<div class="canvas" ref=${box} aria-hidden="true"></div>`;
}

/* series: [{key, label, values, tone}], from the top of the bars to their foot; write(value) exact,
 * short(value) for the axis, both with unit; unit names it in the table's head; summary is the sentence. */
export function Chart(props) {
    const { title, summary, at, series, write, unit } = props;
    const [face, turn] = useState('chart');
    const [point, setPoint] = useState(null);
    const i = point !== null && point < at.length ? point : null;

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
            : html`<${Canvas} ...${props} onPoint=${(idx) => setPoint(idx === undefined ? null : idx)} />
            <ul class="legend">${series.map((one) => html`<li key=${one.key} class=${one.tone}>
                <i class="dot"></i>${one.label}${i !== null && html` <b>${write(one.values[i])}</b>`}</li>`)}
                <li class="moment">${i !== null && `${dayAndClock(at[i])} ${zoneOf(new Date(at[i] * 1000))}`}</li></ul>`}
    </figure>`;
}
