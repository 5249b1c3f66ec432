/* Where the operator is: #/<page>/<id>?<filters>. The address holds everything a colleague needs to see the same.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Behind the "#" because the pages are plain files of httpd: no rewriting, one document, and filters (which may
 * name people) are not sent to servers or proxies as part of a page's address.
 */

/* {page, id, query}: query is a plain object of non-empty strings. */
export function readRoute(hash = location.hash) {
    const [path, search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
    const [page = '', ...rest] = path.split('/').map(decode);
    return { page, id: rest.join('/'), query: Object.fromEntries(new URLSearchParams(search)) };
}

/* A broken escape in a pasted address is shown as it is, not thrown. */
function decode(part) {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}

export function link(page, id = '', query = {}) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== '' && value !== null && value !== undefined) search.set(name, value);
    }
    const text = search.toString();
    return `#/${encodeURIComponent(page)}${id ? `/${encodeURIComponent(id)}` : ''}${text ? `?${text}` : ''}`;
}

export function go(page, id, query) {
    location.hash = link(page, id, query);
}

/* Goes to the row before or after the one that is shown, in the order the table has been given; a row that the table has
 * not put in yet is found among ids. */
export function stepper(page, id, query, ids) {
    return (by) => {
        const row = document.querySelector('main tbody tr[aria-current]');
        const beside = row && (by > 0 ? row.nextElementSibling : row.previousElementSibling);
        const next = ids[ids.indexOf(id) + by];
        if (beside) replace(beside.querySelector('a').hash);
        else if (!row && next) goQuietly(page, next, query);
    };
}

/* For what should not fill the history: each letter of a filter. */
export function goQuietly(page, id, query) {
    replace(link(page, id, query));
}

function replace(hash) {
    history.replaceState(null, '', hash);
    dispatchEvent(new HashChangeEvent('hashchange'));
}
