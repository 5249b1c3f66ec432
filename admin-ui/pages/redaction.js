/* The redaction policy of the house: what is in force, a draft of what shall be, and every version there was.
 * SPDX-License-Identifier: Apache-2.0
 */
import {
    AsOf, Button, count, Empty, Facts, get, go, html, link, Loaded, may, Notice, Page, rolesWords, Session, stepper, t,
    Time, useContext, useData, useEffect, useState,
} from '../ui.js';
import { beginDraft, heldDraft, hold, isChanged, NO_POLICY, watchDraft } from './redaction_draft.js';
import { Workbench } from './redaction_edit.js';
import { Summary, VersionState } from './redaction_parts.js';
import { VersionPanel, VersionTable } from './redaction_versions.js';

export const title = 'page.redaction';

const VERSIONS = 500; /* all that the server keeps */
const NONE = { version: 0, document: NO_POLICY };

function useHeld() {
    const [held, setHeld] = useState(heldDraft());
    useEffect(() => watchDraft(() => setHeld(heldDraft())), []);
    return held;
}

function Tabs({ tab, held }) {
    const tabs = ['', 'draft', 'versions'];
    return html`<nav class="tabs" aria-label=${t('redaction.tabs')}>${tabs.map((name) => html`<a key=${name}
        href=${link('redaction', name)} aria-current=${name === tab ? 'page' : undefined}>${
        t(`redaction.tab_${name || 'now'}`)}${name === 'draft' && isChanged(held)
            && html` <span class="dot" title=${t('redaction.unpublished')}><span class="off-screen">${
                t('redaction.unpublished')}</span></span>`}</a>`)}</nav>`;
}

/* Versions that wait for a second person, for whoever looks at the page; approvers are led there. */
function Waiting({ items, session }) {
    return items.map((one) => {
        const isMine = one.author === session.user;
        const word = isMine ? 'redaction.waits_mine' : may(session, 'decide_policy') ? 'redaction.waits_you'
            : 'redaction.waits';
        return html`<div class="notice warn" key=${one.version} role="status"><div><b>${t(word,
            { n: count(one.version), author: one.author })}</b> ${one.note}</div>
            <a class="button" href=${link('redaction', String(one.version))}>${t('redaction.look')}</a></div>`;
    });
}

function mayNot(deed) {
    return t('redaction.may_not_edit', { roles: rolesWords(deed) });
}

function InForce({ current, catalogue, mayEdit, hasDraft, onEdit }) {
    if (!current.version) {
        return html`<${Empty} title=${t('redaction.none')}><p>${t('redaction.none_text')}</p>${mayEdit
            ? html`<${Button} kind="primary" icon="edit" onClick=${onEdit}>${t('redaction.begin')}<//>`
            : html`<p>${mayNot('write_policy')}</p>`}<//>`;
    }
    return html`<section class="card in-force"><header class="card-head"><h2>${t('redaction.version',
            { n: count(current.version) })} <${VersionState} state="published" /></h2>
            ${mayEdit ? html`<${Button} kind="primary" icon="edit" onClick=${onEdit}>${
                    t(hasDraft ? 'redaction.go_on' : 'redaction.edit')}<//>`
                : html`<span class="hint">${mayNot('write_policy')}</span>`}</header>
        <${Facts} rows=${[[t('redaction.note'), current.note], [t('redaction.author'), current.author],
            [t('redaction.approved_by'), current.approved_by || t('redaction.not_needed')],
            [t('redaction.published_at'), html`<${Time} at=${current.published_at} full />`]]} /></section>
        <div class="card summary"><${Summary} document=${current.document} catalogue=${catalogue} /></div>`;
}

function NoDraft({ mayEdit, onEdit }) {
    return html`<${Empty} title=${t('redaction.no_draft')}>${mayEdit ? html`<p>${t('redaction.no_draft_text')}</p>
        <${Button} kind="primary" icon="edit" onClick=${onEdit}>${t('redaction.begin_draft')}<//>`
        : html`<p>${mayNot('write_policy')}</p>`}<//>`;
}

/* What came of publishing, approving, rolling back. */
function Outcome({ outcome, onClose }) {
    const { made = {}, deed } = outcome;
    const isDone = deed !== 'has_draft' && made.state !== 'pending';
    const words = {
        has_draft: 'redaction.has_draft', reject: 'redaction.done_reject', withdraw: 'redaction.done_withdraw',
    }[deed] || (isDone ? 'redaction.done_published' : 'redaction.done_pending');
    return html`<${Notice} tone=${isDone ? 'ok' : 'warn'} onRetry=${onClose} icon="close" retry=${t('act.close')}>${
        t(words, { n: count(made.version) })}<//>`;
}

export default function Redaction({ id, query }) {
    const session = useContext(Session);
    const held = useHeld();
    const [outcome, setOutcome] = useState(null);
    const catalogue = useData((signal) => get('policy-catalogue', {}, signal), []);
    const versions = useData((signal) => get('policy-versions', { limit: VERSIONS }, signal), [], { every: 10 });
    const items = versions.data ? versions.data.items : [];
    const published = items.find((one) => one.state === 'published');
    const mayBe = Boolean(published || (versions.data && versions.data.next_cursor));
    /* The document may be large: asked for only when another version is in force. */
    const current = useData((signal) => (mayBe ? get('policy-versions/current', {}, signal) : Promise.resolve(NONE)),
        [mayBe, published && published.version]);
    const mayEdit = may(session, 'write_policy');
    const tab = ['draft', 'versions'].includes(id) ? id : id ? 'versions' : '';
    const isReady = catalogue.data && versions.data && current.data && (!mayBe || current.data.version > 0);
    const from = { ...current, data: isReady || null, at: versions.at, isLoading: versions.isLoading,
        problem: catalogue.problem || versions.problem || current.problem,
        reload: () => [catalogue, versions, current].forEach((one) => one.reload()) };

    /* A draft with changes is not thrown away by the way. */
    function edit(version = current.data) {
        const { version: number, document } = current.data;
        if (isChanged(held)) setOutcome(version === current.data ? null : { deed: 'has_draft' });
        else beginDraft({ version: number, document }, catalogue.data, version.document);
        go('redaction', 'draft');
    }
    function done(made, deed) {
        setOutcome({ made, deed });
        versions.reload();
        if (!deed) {
            hold(null);
            go('redaction', made.state === 'pending' ? String(made.version) : '');
        }
    }
    const step = stepper('redaction', id, {}, items.map((one) => String(one.version)));
    const views = {
        '': () => html`<${InForce} current=${current.data} catalogue=${catalogue.data} mayEdit=${mayEdit}
            hasDraft=${isChanged(held)} onEdit=${() => edit()} />`,
        draft: () => (held && mayEdit ? html`<${Workbench} held=${held} query=${query} published=${published || null}
            onPublished=${done} onStale=${versions.reload} />`
            : html`<${NoDraft} mayEdit=${mayEdit} onEdit=${() => edit()} />`),
        versions: () => html`<${VersionTable} versions=${versions} current=${Number(id)} />
            ${id !== 'versions' && html`<${VersionPanel} key="panel" id=${id} catalogue=${catalogue.data} mayEdit=${mayEdit}
                current=${current.data.version} onEdit=${edit} onStep=${step} onDone=${done} />`}`,
    };
    return html`<${Page} title=${t(title)} about=${t('redaction.about')} actions=${html`<${AsOf} from=${from} />`}>
        ${outcome && html`<${Outcome} outcome=${outcome} onClose=${() => setOutcome(null)} />`}
        <${Waiting} items=${items.filter((one) => one.state === 'pending'
            && !(outcome && outcome.made && outcome.made.version === one.version))} session=${session} />
        <${Tabs} tab=${tab} held=${held} />
        <${Loaded} from=${from}>${isReady && views[tab]()}<//><//>`;
}
