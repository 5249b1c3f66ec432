// Plans: how the practice provider shall answer one request, and where that is written.
// SPDX-License-Identifier: Apache-2.0
//
// A plan is one flat object. The same members work in a script entry
// (POST /__fake/script), in the request header `x-fake` (JSON) and in the
// text of the last user message (`fake:{JSON}`); the first of these wins.
//
//   say "text" · repeat N · chunk N (characters a delta) · chunks ["a","b"]
//   call {name, arguments} or a list of them · finish "length" · usage false|{…}
//   status N · headers {…} · retry_after N · body any · pieces ["raw SSE"…]
//   wait_ms (before the head) · first_ms (head sent, no event yet)
//   gap_ms (between events) · gaps [ms…] · split N (bytes a write)
//   newline "crlf"|"cr" · comments true · error_after N (error event in a 200)
//   after N + end: finish | close | cut | reset | hang
//   end alone: silent-close | half-headers | garbage
//   case "id" of the file --cases, or its members themselves (head_b64 …)
//
// Two short forms in the text: `say: exact words` and `call:NAME {json}`.

const SAY = /(?:^|\s)say:\s?([\s\S]*)$/;
const CALL = /(?:^|\s)call:([\w.-]{1,64})\s*(\{[\s\S]*\})?/;
const FAKE = /fake:(\{[\s\S]*\})/;

function parsed(text, otherwise) {
    try {
        return JSON.parse(text);
    } catch {
        return otherwise;
    }
}

/** The text without its directives, and the plan they spell. */
export function planInText(text) {
    const plan = {};
    const fake = FAKE.exec(text);
    if (fake) {
        Object.assign(plan, parsed(fake[1], {}));
        text = text.replace(fake[0], '').trim();
    }
    const call = CALL.exec(text);
    if (call)
        plan.call = { name: call[1], arguments: call[2] || '{}' };
    const say = SAY.exec(text);
    if (say)
        plan.say = say[1];
    return { plan, text };
}

/** The queue of scripted answers; each serves `times` POSTs (one by default). */
export class Script {
    #queue = [];

    add(plans) {
        for (const plan of [].concat(plans))
            this.#queue.push({ times: 1, ...plan });
    }

    clear() {
        this.#queue = [];
    }

    get length() {
        return this.#queue.length;
    }

    /** Look-ups of the model list must not eat an answer meant for a chat. */
    take(req) {
        const at = this.#queue.findIndex((plan) => plan.any
            || (req.method === 'POST' && req.url.includes(plan.path || '')));
        if (at < 0)
            return null;
        const plan = this.#queue[at];
        plan.times -= 1;
        if (plan.times <= 0)
            this.#queue.splice(at, 1);
        return plan;
    }
}

/** The plan for a request: script first, then header, then text. */
export function planFor(req, script, inText) {
    const scripted = script.length ? script.take(req) : null;
    if (scripted)
        return scripted;
    const header = req.headers['x-fake'];
    return header ? { ...inText, ...parsed(header, {}) } : inText;
}
