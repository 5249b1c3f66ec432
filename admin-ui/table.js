/* The table: sorted by any column, walked with the keyboard, readable on paper, quick with ten thousand rows.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A column is {key, label, cell(row)?, sort?, isNumber?, hint?}; without cell it shows the row's member key, with sort
 * true it is sorted by that, else by sort(row). The first column holds the row's link, so that a
 * row is one stop of the Tab key; a click anywhere in the row follows it too, unless it selected text. Rows are put
 * into the document a hundred at a time: what nobody has scrolled to costs nothing.
 */
import { useMemo, useState } from './vendor/hooks.js';
import { count } from './format.js';
import { AsOf, Button, Empty, html, Icon, Loaded, Notice, Page, Text } from './ui.js';
import { t, tCount } from './words.js';

const STEP = 100;

function compare(a, b) {
    if (a === b) return 0;
    if (a === null || a === undefined) return 1; /* what is not known stands last, whichever the way */
    if (b === null || b === undefined) return -1;
    if (typeof a === 'string') return a.localeCompare(b, undefined, { numeric: true, sensitivity: 'base' });
    return a < b ? -1 : 1;
}

function sorted(rows, column, isDown) {
    if (!column) return rows;
    const keyed = rows.map((row) => [column.sort(row), row]);
    keyed.sort(([a], [b]) => {
        const hasGap = a === null || a === undefined || b === null || b === undefined;
        return hasGap || !isDown ? compare(a, b) : compare(b, a);
    });
    return keyed.map(([, row]) => row);
}

function Head({ column, order, onSort }) {
    const isHere = order && order.key === column.key;
    const direction = isHere ? (order.isDown ? 'descending' : 'ascending') : undefined;
    const name = column.isNumber ? 'number' : /\broomy\b/.test(column.kind) ? 'roomy' : '';
    if (!column.sort) return html`<th scope="col" class=${name} title=${column.hint}>${column.label}</th>`;
    return html`<th scope="col" class=${name} aria-sort=${direction} title=${column.hint}><button type="button"
        onClick=${() => onSort(column)}>${column.label}${
        html`<${Icon} name=${isHere && !order.isDown ? 'up_arrow' : 'down_arrow'} size="12" />`}</button></th>`;
}

/* A click on a row's empty space is a click on its link. */
function follow(event) {
    if (event.target.closest('a, button, input, summary') || String(getSelection())) return;
    const anchor = event.currentTarget.querySelector('a');
    if (anchor) anchor.click();
}

/* Up and down move among the rows' links, as in a list. */
function walk(event) {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    const row = event.target.closest('tbody tr');
    const next = row && (event.key === 'ArrowDown' ? row.nextElementSibling : row.previousElementSibling);
    const anchor = next && next.querySelector('a');
    if (!anchor) return;
    event.preventDefault();
    anchor.focus();
}

function whole(column) {
    const { key, sort, isNumber } = column;
    const show = isNumber ? (row) => count(row[key]) : (row) => html`<${Text} value=${row[key]} />`;
    return { cell: show, ...column, sort: sort === true ? (row) => (row[key] === '' ? null : row[key]) : sort };
}

/* href(row) makes rows links; current is the rowKey shown beside. more: {hasMore, isLoading, onMore} of a list that
 * the server gives in parts. */
export function Table({ caption, columns: given, rows, rowKey, href, current, order: firstOrder = null, more, empty }) {
    const columns = given.map(whole);
    const [order, setOrder] = useState(firstOrder);
    const [shown, show] = useState(STEP);
    const column = order && columns.find((one) => one.key === order.key);
    const all = useMemo(() => sorted(rows, column, order && order.isDown), [rows, order]);
    const part = all.slice(0, shown);

    function sortBy(next) {
        const isSame = order && order.key === next.key;
        setOrder({ key: next.key, isDown: isSame ? !order.isDown : Boolean(next.isNumber) });
        show(STEP);
    }

    if (!rows.length && empty) return empty;
    return html`<div class="table-box"><table onKeyDown=${walk}>
        <caption class="off-screen">${caption}</caption>
        <thead><tr>${columns.map((one) => html`<${Head} key=${one.key} column=${one} order=${order}
            onSort=${sortBy} />`)}</tr></thead>
        <tbody>${part.map((row) => html`<tr key=${rowKey(row)} class=${href ? 'link' : ''} onClick=${href && follow}
            aria-current=${rowKey(row) === current ? 'true' : undefined}>${columns.map((one, index) => html`
                <td key=${one.key} class=${one.isNumber ? 'number' : one.kind || ''}>${
                    href && index === 0 ? html`<a href=${href(row)}>${one.cell(row)}</a>` : one.cell(row)}</td>`)}
            </tr>`)}</tbody>
        </table></div>
        <${Foot} total=${rows.length} shown=${part.length} more=${more}
            isSorted=${Boolean(order && more && more.hasMore)}
            onMore=${() => show(shown + STEP)} />`;
}

function Foot({ total, shown, more, isSorted, onMore }) {
    const hasMore = more && more.hasMore;
    const rows = tCount('table.rows', total, count(total));
    const said = [shown < total ? t('table.part', { shown: count(shown), total: rows }) : rows];
    if (hasMore) said.push(t('table.server_has_more'));
    if (isSorted) said.push(t('table.sorted_part'));
    const next = t('table.show_more', { n: count(Math.min(STEP, total - shown)) });
    return html`<p class="table-foot" role="status"><span>${said.join(' · ')}</span>
        ${shown < total && html`<${Button} onClick=${onMore}>${next}<//>`}
        ${shown === total && hasMore && html`
            <${Button} busy=${more.isLoading} onClick=${more.onMore}>${t('table.load_more')}<//>`}</p>`;
}

/* A page that is a list: heading and filters, and the table or what stands in its place. none: {title, text, act} of a
 * house that has nothing of the kind; clear(): takes the filters away. The rest is the table's. */
export function ListPage({ title, about, found, actions, top, toolbar, isEmpty, none, clear, children, ...table }) {
    const all = found.data ? found.data.items : [];
    const noMatch = html`<${Empty} title=${t('state.no_match')}>${clear && html`<${Button}
        onClick=${clear}>${t('act.clear_filters')}<//>`}<//>`;
    return html`<${Page} title=${t(title)} about=${about} actions=${html`<${AsOf} from=${found} />${actions}`}>
        ${top}${toolbar && html`<div class="toolbar">${toolbar}</div>`}
        <${Loaded} from=${found} isEmpty=${isEmpty === undefined ? !all.length : isEmpty}
            empty=${html`<${Empty} title=${none.title}><p>${none.text}</p>${none.act}<//>`}>
            ${found.data && found.data.isCut && html`<${Notice}
                tone="warn">${t('table.cut', { n: count(all.length) })}<//>`}
            <${Table} caption=${t(title)} empty=${noMatch} ...${table} /><//>${children}<//>`;
}
