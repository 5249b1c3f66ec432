/* JWT issuers: whose tokens are accepted, whether their keys are here and fresh; and a token to try.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A token that is tried is a credential. It is in one field of this page and in the body of one request: not in the
 * address, not in the history, not in any storage, and not in the field any more when the answer is there or the page
 * is left.
 */
import { ListPage } from '../table.js';
import {
    ago, Button, Empty, Facts, Field, getAll, go, hasWords, html, Icon, link, Long, Panel, post, State, stepper, Submit, t, tCount,
    Text, Time, tValue, useData, useEffect, useMay, useRef, useSending, useState,
} from '../ui.js';
import { Faults } from './forms.js';

export const title = 'page.issuers';

const TONES = { ok: 'ok', stale: 'warn', failed: 'bad', never: 'quiet' };
const ORDER = ['failed', 'never', 'stale', 'ok'];
const REFRESH_MS = 2000; /* the keys are fetched behind the answer */

function JwksState({ state }) {
    return html`<${State} tone=${TONES[state] || 'quiet'}>${tValue('jwks', state)}<//>`;
}

/* Nothing for keys of a file: they are never fetched. */
const Ago = ({ at }) => (at ? html`<time datetime=${at}>${ago(at)}</time>` : html`<${Text} />`);

const listed = (value) => (Array.isArray(value) ? value.join(', ') : value);

const columns = () => [
    { key: 'name', label: t('keys.name'), sort: true,
        cell: (row) => html`<span class="name">${row.name}</span>` },
    { key: 'state', label: t('issuers.state'), cell: (row) => html`<${JwksState} state=${row.state} />`,
        sort: (row) => ORDER.indexOf(row.state) },
    { key: 'issuer', label: t('issuers.issuer'), kind: 'mono', cell: (row) => html`<${Long} value=${row.issuer} />`, sort: true },
    { key: 'audience', label: t('issuers.audience'), kind: 'names',
        cell: (row) => html`<${Long} value=${listed(row.audience)} />` },
    { key: 'keys', label: t('page.keys'), isNumber: true, cell: (row) => row.keys.length, sort: (row) => row.keys.length },
    { key: 'refreshed', label: t('issuers.refreshed'), cell: (row) => html`<${Ago} at=${row.refreshed_at} />`,
        sort: (row) => row.refreshed_at || null },
];

/* ---- one issuer ---- */

function KeyTable({ keys }) {
    if (!keys.length) return html`<p class="quiet">${t('issuers.no_keys')}</p>`;
    return html`<div class="table-box small-table"><table><thead><tr><th scope="col">kid</th><th scope="col">alg</th>
        <th scope="col">kty</th></tr></thead><tbody>${keys.map((key, i) => html`<tr key=${i}>
            <td class="mono">${key.kid || '–'}</td><td class="mono">${key.alg || '–'}</td><td class="mono">${key.kty}</td>
            </tr>`)}</tbody></table></div>`;
}

function Detail({ row, name, onStep, onChanged }) {
    const mayWrite = useMay('write_keys');
    const sending = useSending();
    const refresh = () => sending.send(async (once) => {
        await post(`issuers/${encodeURIComponent(name)}/refresh`, {}, once);
        onChanged();
        setTimeout(onChanged, REFRESH_MS);
    });
    const isFetched = row && /^https?:/.test(row.jwks);
    return html`<${Panel} title=${name} label=${t('issuers.one')} onClose=${() => go('issuers')} onStep=${onStep}
        actions=${mayWrite && isFetched && html`<${Button} icon="reload" busy=${sending.isBusy}
            onClick=${refresh}>${t('issuers.refresh')}<//>`}>
        <${Faults} problem=${sending.problem} />
        ${row ? html`<${Facts} rows=${[
            [t('issuers.state'), html`<${JwksState} state=${row.state} />`],
            row.error && [t('issuers.error'), html`<span class="fault" lang="en">${row.error}</span>`],
            [t('issuers.issuer'), html`<code>${row.issuer}</code>`],
            [t('issuers.audience'), listed(row.audience)],
            [t('issuers.algorithms'), html`<code>${listed(row.algorithms)}</code>`],
            [t('issuers.jwks'), html`<code>${row.jwks}</code>`],
            [t('issuers.refreshed'), html`<${Time} at=${row.refreshed_at} full />`],
            [t('issuers.tried'), html`<${Time} at=${row.tried_at} full />`],
        ]} /><section><h3>${tCount('issuers.keys', row.keys.length)}</h3><${KeyTable} keys=${row.keys} /></section>
        <p class="hint">${t('issuers.refresh_hint')}</p>` : html`<${Empty} title=${t('problem.not-found')} />`}<//>`;
}

/* ---- a token to try ---- */

function Verdict({ answer }) {
    const rule = answer.rule && (hasWords(`rule.${answer.rule}`) ? t(`rule.${answer.rule}`) : answer.detail);
    return html`<div class=${`notice ${answer.accepted ? 'ok' : 'bad'}`} role="status"><${Icon}
        name=${answer.accepted ? 'check' : 'warn'} /><div><b>${t(answer.accepted ? 'token.accepted' : 'token.refused')}</b>
            ${' '}${rule}${answer.rule && html`<p class="server-said"><code>${answer.rule}</code></p>`}
            <${Facts} rows=${[
                answer.issuer && [t('issuers.one'), answer.issuer],
                answer.user && [t('keys.user'), answer.user],
                answer.team && [t('keys.team'), answer.team],
                answer.roles && answer.roles.length > 0 && [t('token.roles'), listed(answer.roles)],
                answer.expires_at && [t('keys.expires'), html`<${Time} at=${answer.expires_at} full />`],
                answer.accepted && answer.identity_lines && answer.identity_lines.length > 0 && [t('token.lines'),
                    html`<ul>${answer.identity_lines.map((line) => html`<li key=${line}><code>${line}</code></li>`)}</ul>`],
            ]} />${answer.claims && html`<pre class="spoken scanned">${JSON.stringify(answer.claims, null, 1)}</pre>`}</div></div>`;
}

function TryToken() {
    const field = useRef();
    const [hasToken, setHasToken] = useState(false);
    const [answer, setAnswer] = useState(null);
    const sending = useSending();
    function forget() {
        if (field.current) field.current.value = '';
        setHasToken(false);
    }
    useEffect(() => {
        addEventListener('pagehide', forget); /* the browser may keep a page that was left, fields and all */
        return () => {
            removeEventListener('pagehide', forget);
            forget();
        };
    }, []);
    function submit(event) {
        event.preventDefault();
        const token = field.current.value.trim().replace(/^Bearer\s+/i, '');
        setAnswer(null);
        sending.send(async (once) => {
            setAnswer(await post('token-checks', { token }, once));
            forget();
        });
    }
    return html`<section class="card token"><h2>${t('token.title')}</h2>
        <form autocomplete="off" onSubmit=${submit}><${Field} label=${t('token.token')} hint=${t('token.hint')}>${(tie) => html`
            <textarea class="mono" rows="4" autocomplete="off" autocorrect="off" autocapitalize="off" spellcheck=${false}
                required maxlength="20000" ref=${field} ...${tie}
                onInput=${(e) => setHasToken(Boolean(e.target.value.trim()))}></textarea>`}<//>
            <p class="actions"><${Submit} isBusy=${sending.isBusy} disabled=${!hasToken}>${t('token.try')}<//>
                <span class="quiet"><${Icon} name="lock" /> ${t('token.kept_nowhere')}</span></p></form>
        <${Faults} problem=${sending.problem} />${answer && html`<${Verdict} answer=${answer} />`}</section>`;
}

/* ---- the page ---- */

export default function Issuers({ id }) {
    const mayTry = useMay('write_keys');
    const found = useData((signal) => getAll('issuers', {}, { signal }), [], { every: 10 });
    const rows = found.data ? found.data.items : [];
    return html`<${ListPage} title=${title} about=${t('issuers.about')} found=${found} columns=${columns()} rows=${rows}
        none=${{ title: t('issuers.none'), text: t('issuers.none_text') }} rowKey=${(row) => row.name} current=${id}
        href=${(row) => link('issuers', row.name)} order=${{ key: 'state', isDown: false }}>
        ${rows.length > 0 && mayTry && html`<${TryToken} />`}
        ${id && found.data && html`<${Detail} key="detail" name=${id} row=${rows.find((row) => row.name === id)}
            onStep=${stepper('issuers', id, {}, rows.map((row) => row.name))} onChanged=${found.reload} />`}<//>`;
}
