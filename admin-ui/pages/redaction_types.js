/* The editor's parts for types and packs: what is done with each kind of value, request and answer apart.
 * SPDX-License-Identifier: Apache-2.0
 */
import { Action, typeWords } from './parts.js';
import { Button, Chip, count, Empty, html, Search, Segments, t, tCount, tValue, useMemo, useState } from '../ui.js';
import { DIRECTIONS, fromPacks } from './redaction_draft.js';
import { ActionSelect, FaultLines, packWords } from './redaction_parts.js';

const sayOf = (draft, type, direction) => (draft.said[type] && draft.said[type][direction]) || null;

function setActions(draft, types, directions, action) {
    const said = { ...draft.said };
    for (const type of types) {
        said[type] = { ...said[type], ...Object.fromEntries(directions.map((one) => [one, action])) };
    }
    return { ...draft, said };
}

/* The one value all have, or undefined. */
function common(values) {
    return values.every((value) => value === values[0]) ? values[0] : undefined;
}

/* Two selects that set many types at once: a family's, or those chosen. */
function Many({ types, draft, packs, actions, name, onSet }) {
    return DIRECTIONS.map((direction) => {
        const value = common(types.map((one) => sayOf(draft, one.name, direction)));
        return html`<td key=${direction} data-label=${tValue('direction', direction)}><${ActionSelect}
            value=${value || null} isMixed=${value === undefined} unset=${common(types.map((one) => packs[one.name]))} actions=${actions}
            label=${t('redaction.set_many', { name, where: tValue('direction', direction) })}
            onChange=${(action) => onSet(types.map((one) => one.name), [direction], action)} /></td>`;
    });
}

function TypeRow({ type, draft, base, packs, actions, faults, isChosen, onChoose, onSet }) {
    const { name } = type;
    const isSet = DIRECTIONS.some((one) => sayOf(draft, name, one));
    const isChanged = DIRECTIONS.some((one) => sayOf(draft, name, one) !== sayOf(base, name, one));
    const words = typeWords(name);
    return html`<tr class=${isChanged ? 'changed' : ''}>
        <td><label class="tick"><input type="checkbox" checked=${isChosen} onChange=${() => onChoose([name])} />
            <span>${words}${isChanged && html` <${Chip} tone="accent">${t('redaction.changed')}<//>`}
            <small><code>${name}</code>${type.needs_context && ` · ${t('redaction.needs_context')}`}</small></span></label>
            <${FaultLines} faults=${faults} /></td>
        ${DIRECTIONS.map((direction) => html`<td key=${direction} data-label=${tValue('direction', direction)}><${
            ActionSelect} actions=${actions} value=${sayOf(draft, name, direction)} unset=${packs[name]}
            label=${`${words}, ${tValue('direction', direction)}`}
            onChange=${(action) => onSet([name], [direction], action)} /></td>`)}
        <td>${isSet && html`<${Button} kind="bare" icon="undo" aria-label=${t('redaction.reset', { name: words })}
            title=${t('redaction.reset', { name: words })} onClick=${() => onSet([name], DIRECTIONS, null)} />`}</td></tr>`;
}

function Family({ name, types, chosen, onChoose, onSet, rowOf, ...rest }) {
    const words = tValue('family', name);
    const all = types.every((one) => chosen.has(one.name));
    return html`<tbody><tr class="family"><th scope="rowgroup"><label class="tick"><input type="checkbox" checked=${all}
            aria-label=${t('redaction.choose_family', { name: words })}
            onChange=${() => onChoose(types.map((one) => one.name), !all)} /> ${words}
            <small>${count(types.length)}</small></label></th>
        <${Many} types=${types} name=${words} onSet=${onSet} ...${rest} /><td></td></tr>
        ${types.map(rowOf)}</tbody>`;
}

const FILTERS = {
    all: () => true,
    set: (name, draft) => DIRECTIONS.some((one) => sayOf(draft, name, one)),
    changed: (name, draft, base) => DIRECTIONS.some((one) => sayOf(draft, name, one) !== sayOf(base, name, one)),
};

export function Types({ held, change, faults, document }) {
    const { draft, start: base, catalogue } = held;
    const [words, setWords] = useState('');
    const [filter, setFilter] = useState('all');
    const [chosen, setChosen] = useState(new Set());
    const packs = useMemo(() => fromPacks(draft.packs, catalogue), [draft.packs, catalogue]);
    const { actions } = catalogue;
    const sought = words.trim().toLowerCase();
    const allWords = ({ name, what, family }) => `${name} ${typeWords(name)} ${what} ${tValue('family', family)}`;
    const shown = catalogue.types.filter((one) => FILTERS[filter](one.name, draft, base)
        && allWords(one).toLowerCase().includes(sought));
    const families = [...new Set(shown.map((one) => one.family))];
    const faultsOfType = (name) => faults.list.filter((one) => one.part === 'types' && document.types[one.index]
        && document.types[one.index].type === name);
    const onSet = (types, directions, action) => change(setActions(draft, types, directions, action));
    function onChoose(names, isIn) {
        const next = new Set(chosen);
        for (const name of names) if (isIn ?? !next.has(name)) next.add(name); else next.delete(name);
        setChosen(next);
    }
    const many = { draft, packs, actions, onSet };
    const picked = catalogue.types.filter((one) => chosen.has(one.name));
    return html`<div class="toolbar"><${Search} value=${words} onChange=${setWords} label=${t('redaction.search_types')} />
            <${Segments} label=${t('redaction.show')} value=${filter} onChange=${setFilter}
                options=${Object.keys(FILTERS).map((value) => ({ value, label: t(`redaction.show_${value}`) }))} /></div>
        <div class="table-box types"><table><caption class="off-screen">${t('policy_part.types')}</caption>
            <thead><tr><th scope="col">${t('findings.type')}</th>${DIRECTIONS.map((one) => html`<th scope="col"
                key=${one}>${tValue('direction', one)}</th>`)}<th><span class="off-screen">${
                    t('redaction.reset_head')}</span></th></tr></thead>
            ${picked.length > 0 && html`<tbody class="picked"><tr><th scope="row">${tCount('redaction.chosen',
                picked.length)} <${Button} kind="bare" onClick=${() => setChosen(new Set())}>${
                t('redaction.choose_none')}<//></th>
                <${Many} types=${picked} name=${t('redaction.the_chosen')} ...${many} />
                <td><${Button} kind="bare" icon="undo" title=${t('redaction.reset', { name: t('redaction.the_chosen') })}
                    aria-label=${t('redaction.reset', { name: t('redaction.the_chosen') })}
                    onClick=${() => onSet([...chosen], DIRECTIONS, null)} /></td></tr></tbody>`}
            ${families.map((name) => html`<${Family} key=${name} name=${name} chosen=${chosen} onChoose=${onChoose}
                types=${shown.filter((one) => one.family === name)} ...${many} rowOf=${(type) => html`<${TypeRow}
                    key=${type.name} type=${type} base=${base} faults=${faultsOfType(type.name)}
                    isChosen=${chosen.has(type.name)} onChoose=${onChoose} ...${many} />`} />`)}</table></div>
        ${!shown.length && html`<${Empty} title=${t('state.no_match')} />`}`;
}

/* ---- packs ---- */

export function Packs({ held, change, faults }) {
    const { draft, catalogue } = held;
    const all = catalogue.packs.map((one) => one.name);
    const isOwn = draft.packs !== null;
    const is = (name) => (isOwn ? draft.packs.includes(name) : true);
    const toggle = (name) => change({ ...draft, packs: all.filter((one) => (one === name ? !is(name) : is(one))) });
    return html`<fieldset class="packs"><legend class="off-screen">${t('policy_part.packs')}</legend>
        <label class="tick"><input type="radio" name="packs" checked=${!isOwn}
            onChange=${() => change({ ...draft, packs: null })} /> ${t('redaction.packs_unset')}</label>
        <label class="tick"><input type="radio" name="packs" checked=${isOwn}
            onChange=${() => change({ ...draft, packs: all })} /> ${t('redaction.packs_own')}</label>
        <${FaultLines} faults=${faults.list.filter((one) => one.part === 'packs')} />
        ${!all.length && html`<p class="hint">${t('redaction.no_packs')}</p>`}
        <ul class="cards">${catalogue.packs.map((pack) => html`<li key=${pack.name} class="card">
            <label class="tick"><input type="checkbox" disabled=${!isOwn} checked=${is(pack.name)}
                onChange=${() => toggle(pack.name)} /> ${packWords(pack)} <code class="quiet">${pack.name}</code></label>
            <details><summary>${tCount('redaction.types', pack.types.length)}</summary><ul class="pack-types">${
                pack.types.map(({ type, action }) => html`<li key=${type}>${typeWords(type)} <${Action}
                    name=${action} /></li>`)}</ul></details></li>`)}</ul></fieldset>`;
}
