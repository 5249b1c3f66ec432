/* People and teams: who has keys or calls, when they last did, and what they have used.
 * SPDX-License-Identifier: Apache-2.0
 */
import { ListPage } from '../table.js';
import {
    count, Empty, Facts, getAll, go, goQuietly, html, link, Long, Notice, Panel, Search, stepper, t, Time, usd, useData,
    useMemo, zoned,
} from '../ui.js';
import { UseNow } from './parts.js';

export const title = 'page.people';

const byName = (row) => html`<span class="name">${row.name}</span>`;

const columns = (isTeams) => [
    { key: 'name', label: t(isTeams ? 'keys.team' : 'people.person'), cell: byName, sort: true },
    isTeams
        ? { key: 'people', label: t('people.people'), isNumber: true,
            sort: true }
        : { key: 'teams', label: t('people.teams'), kind: 'names', cell: (row) => html`<${Long} value=${row.teams.join(', ')} />`,
            sort: (row) => row.teams.join(', ') || null },
    { key: 'keys', label: t('page.keys'), isNumber: true, sort: true },
    { key: 'active', label: t('people.active_keys'), isNumber: true, cell: (row) => count(row.active_keys),
        sort: (row) => row.active_keys },
    !isTeams && { key: 'owned', label: t('people.owned_keys'), isNumber: true, cell: (row) => count(row.owned_keys),
        sort: (row) => row.owned_keys },
    { key: 'requests', label: t('people.requests'), isNumber: true, sort: true },
    { key: 'spend', label: t('people.spend'), isNumber: true, cell: (row) => usd(row.cost_micros), sort: (row) => row.cost_micros },
    { key: 'used', label: zoned('people.seen'), kind: 'fixed', cell: (row) => html`<${Time} at=${row.last_used_at} />`,
        sort: (row) => row.last_used_at },
    { key: 'expires', label: zoned('people.expires'), cell: (row) => html`<${Time} at=${row.expires_at} day />`,
        sort: (row) => row.expires_at },
].filter(Boolean);

function Tabs({ isTeams }) {
    const tab = (word, by, isHere) => html`<a href=${link('people', '', { by })}
        aria-current=${isHere ? 'page' : undefined}>${t(word)}</a>`;
    return html`<nav class="tabs" aria-label=${t(title)}>${tab('people.people', '', !isTeams)}
        ${tab('people.teams', 'team', isTeams)}</nav>`;
}

function Detail({ row, name, isTeams, query, onStep }) {
    const scope = isTeams ? 'team' : 'user';
    const teams = row && row.teams && row.teams.map((team, i) => html`${i > 0 && t('list.and')}<a key=${team}
        href=${link('people', team, { by: 'team' })}>${team}</a>`);
    return html`<${Panel} title=${name} label=${t(isTeams ? 'keys.team' : 'people.person')} onStep=${onStep}
        onClose=${() => go('people', '', query)}>
        ${row ? html`<${Facts} rows=${[
            isTeams ? [t('people.people'), count(row.people)] : [t('people.teams'), teams.length ? teams : ''],
            [t('page.keys'), t('people.of_active', { n: count(row.keys), active: count(row.active_keys) })],
            !isTeams && [t('people.owned_keys'), count(row.owned_keys)],
            [t('people.spend'), t('people.spend_of', { cost: usd(row.cost_micros), n: count(row.requests) })],
            [t('people.seen'), html`<${Time} at=${row.last_used_at} full />`],
            [t('people.expires'), html`<${Time} at=${row.expires_at} full />`],
        ]} />` : html`<${Empty} title=${t('people.unknown')}><p>${t('people.unknown_text')}</p><//>`}
        <${UseNow} dimension=${scope} subject=${name} />
        <p><a href=${link('keys', '', isTeams ? { team: name } : { q: name })}>${t('people.see_keys')}</a></p>
        <p><a href=${link('requests', '', { [scope]: name, range: '7d' })}>${t('keys.see_requests')}</a></p><//>`;
}

export default function People({ id, query }) {
    const isTeams = query.by === 'team';
    const found = useData(async (signal) => {
        let last = {};
        const all = await getAll(isTeams ? 'teams' : 'people', {}, { signal, onPart: (_, part) => { last = part; } });
        return { ...last, ...all, isTeams };
    }, [isTeams]);
    const from = found.data && found.data.isTeams !== isTeams ? { ...found, data: null } : found;
    const all = from.data ? from.data.items : [];
    const words = (query.q || '').toLowerCase();
    const rows = useMemo(() => all.filter((row) => row.name.toLowerCase().includes(words)), [all, words]);
    const step = stepper('people', id, query, rows.map((row) => row.name));
    const top = html`<${Tabs} isTeams=${isTeams} />${from.data && from.data.is_cut && html`<${Notice}
        tone="warn">${t('people.cut', { keys: count(from.data.keys_read), records: count(from.data.records_read) })}<//>`}`;
    return html`<${ListPage} key=${isTeams} title=${title} about=${t('people.about')} found=${from} top=${top}
        toolbar=${html`<${Search} value=${query.q || ''} label=${t('people.search')}
            onChange=${(q) => goQuietly('people', id, { ...query, q })} />`}
        none=${{ title: t('people.none'), text: t('people.none_text') }} columns=${columns(isTeams)} rows=${rows}
        rowKey=${(row) => row.name} current=${id} href=${(row) => link('people', row.name, query)}
        order=${{ key: 'name', isDown: false }}>
        ${id && (from.data || from.problem) && html`<${Detail} key="detail" name=${id} isTeams=${isTeams}
            row=${all.find((row) => row.name === id)} query=${query} onStep=${step} />`}<//>`;
}
