// What a small OpenAI says: bodies and events of every endpoint it knows.
// SPDX-License-Identifier: Apache-2.0
//
// Pure: a parsed request and a plan go in, an answer comes out:
//   { status, body }    one JSON document
//   { events }          the frames of an event stream, each complete

const MODELS = ['gpt-4o-mini', 'gpt-4o', 'gpt-4.1', 'gpt-4.1-mini', 'gpt-5',
    'gpt-5-mini', 'gpt-3.5-turbo', 'gpt-3.5-turbo-instruct', 'o3', 'o4-mini',
    'text-embedding-3-small', 'text-embedding-3-large',
    'text-embedding-ada-002', 'acme/gpt-x'];
const FAMILY = /^(gpt-|chatgpt-|o\d|text-|acme\/|ft:|whisper-|tts-|dall-e-)/;
const BORN = 1700000000;
let serial = 0;

const identity = (prefix) => `${prefix}-fake${(++serial).toString(36)}`;
const now = () => Math.floor(Date.now() / 1000);

/** Not a tokenizer: a steady number that grows with the text. */
export const tokensIn = (text) => Math.max(1, Math.ceil(text.length / 4));

export function failure(status, message, code, param = null,
                        type = 'invalid_request_error') {
    return { status, body: { error: { message, type, param, code } } };
}

function textOf(content) {
    if (typeof content === 'string')
        return content;
    if (!Array.isArray(content))
        return '';
    return content.map((part) => typeof part === 'string' ? part
        : part?.text ?? '').join('');
}

/** The conversation, flattened: all its text, and the last thing the user said. */
export function heard(path, asked) {
    let said = [];
    if (path.endsWith('/chat/completions'))
        said = Array.isArray(asked.messages) ? asked.messages : [];
    else if (path.endsWith('/responses'))
        said = typeof asked.input === 'string'
            ? [{ role: 'user', content: asked.input }]
            : [].concat(asked.input ?? []);
    else
        said = [{ role: 'user', content: textOf(asked.prompt) }];
    const all = said.map((one) => textOf(one?.content ?? one?.output));
    const last = said.findLastIndex((one) => one?.role === 'user');
    return { all: all.join('\n'), last: last < 0 ? '' : all[last],
        afterTool: ['tool', 'function'].includes(said.at(-1)?.role)
            || said.at(-1)?.type === 'function_call_output' };
}

function callsOf(plan) {
    return [].concat(plan.call ?? []).map((call, index) => ({
        id: call.id ?? `call_fake${index + 1}`, name: call.name,
        arguments: typeof call.arguments === 'string' ? call.arguments
            : JSON.stringify(call.arguments ?? {}) }));
}

/** How many choices; callers send strange numbers, and few are enough. */
const choicesOf = ({ n }) => Number.isInteger(n) && n > 0 ? Math.min(n, 8) : 1;

/** Words, calls, finish and usage of the answer, before it takes a shape. */
function compose(asked, plan, talk) {
    const offered = Array.isArray(asked.tools) && asked.tools.length > 0;
    const calls = offered && !talk.afterTool ? callsOf(plan) : [];
    let text = plan.say ?? plan.chunks?.join('') ?? (talk.afterTool
        ? `The tool said: ${talk.all.split('\n').at(-1)}`
        : `You said: ${talk.last}`);
    if (plan.say === undefined && !plan.chunks
        && asked.response_format?.type?.startsWith('json'))
        text = JSON.stringify({ said: talk.last });
    text = text.repeat(plan.repeat ?? 1);
    const most = asked.max_completion_tokens ?? asked.max_tokens
        ?? asked.max_output_tokens;
    const cut = Number.isInteger(most) && most > 0 && !calls.length
        && tokensIn(text) > most;
    if (cut)
        text = text.slice(0, most * 4);
    const input = tokensIn(talk.all);
    const output = calls.length
        ? calls.reduce((sum, one) => sum + tokensIn(one.arguments), 0)
        : tokensIn(text) * choicesOf(asked);
    return { text: calls.length ? null : text, calls,
        finish: plan.finish ?? (calls.length ? 'tool_calls'
            : cut ? 'length' : 'stop'),
        usage: plan.usage === undefined ? { input, output } : plan.usage };
}

function usageOf(usage) {
    if (!usage || usage.input === undefined)
        return usage;
    return { prompt_tokens: usage.input, completion_tokens: usage.output,
        total_tokens: usage.input + usage.output,
        prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 } };
}

/** A text cut as the plan wants it: word by word unless it says otherwise. */
export function deltasOf(text, plan) {
    if (plan.chunks && plan.say === undefined)
        return plan.chunks;
    if (!plan.chunk)
        return text.match(/\s*\S+|\s+$/g) ?? [];
    const points = Array.from(text);
    const out = [];
    for (let i = 0; i < points.length; i += plan.chunk)
        out.push(points.slice(i, i + plan.chunk).join(''));
    return out;
}

const frame = (data) => `data: ${JSON.stringify(data)}\n\n`;

export function chat(asked, plan, talk) {
    const made = compose(asked, plan, talk);
    const base = { id: identity('chatcmpl'), object: 'chat.completion',
        created: now(), model: asked.model };
    const toolCalls = made.calls.map((call) => ({ id: call.id,
        type: 'function', function: { name: call.name,
            arguments: call.arguments } }));
    if (asked.stream)
        return { events: chatEvents(asked, plan, made, base) };
    const message = { role: 'assistant', content: made.text, refusal: null };
    if (toolCalls.length)
        message.tool_calls = toolCalls;
    const choices = Array.from({ length: choicesOf(asked) }, (_, index) => ({
        index, message, logprobs: null, finish_reason: made.finish }));
    const body = { ...base, choices, service_tier: 'default',
        system_fingerprint: 'fp_fake' };
    if (made.usage)
        body.usage = usageOf(made.usage);
    return { status: 200, body };
}

function chatEvents(asked, plan, made, base) {
    const withUsage = asked.stream_options?.include_usage === true;
    const chunk = (index, delta, finish = null) => frame({ ...base,
        object: 'chat.completion.chunk', choices: [{ index, delta,
            logprobs: null, finish_reason: finish }],
        ...(withUsage ? { usage: null } : {}) });
    const events = [];
    const choices = Array.from({ length: choicesOf(asked) }, (_, i) => i);
    for (const i of choices)
        events.push(chunk(i, { role: 'assistant', content: made.calls.length
            ? null : '', refusal: null }));
    for (const delta of made.text === null ? [] : deltasOf(made.text, plan))
        for (const i of choices)
            events.push(chunk(i, { content: delta }));
    made.calls.forEach((call, index) => {
        events.push(chunk(0, { tool_calls: [{ index, id: call.id,
            type: 'function', function: { name: call.name,
                arguments: '' } }] }));
        for (const part of deltasOf(call.arguments, { chunk: plan.chunk || 5 }))
            events.push(chunk(0, { tool_calls: [{ index,
                function: { arguments: part } }] }));
    });
    for (const i of choices)
        events.push(chunk(i, {}, made.finish));
    if (withUsage && made.usage)
        events.push(frame({ ...base, object: 'chat.completion.chunk',
            choices: [], usage: usageOf(made.usage) }));
    events.push('data: [DONE]\n\n');
    return events;
}

export function completion(asked, plan, talk) {
    const made = compose({ ...asked, tools: undefined }, plan, talk);
    const base = { id: identity('cmpl'), object: 'text_completion',
        created: now(), model: asked.model };
    const choice = (text, finish) => [{ index: 0, text, logprobs: null,
        finish_reason: finish }];
    if (!asked.stream)
        return { status: 200, body: { ...base,
            choices: choice(made.text, made.finish),
            ...(made.usage ? { usage: usageOf(made.usage) } : {}) } };
    const events = deltasOf(made.text, plan).map((delta) =>
        frame({ ...base, choices: choice(delta, null) }));
    events.push(frame({ ...base, choices: choice('', made.finish) }));
    if (asked.stream_options?.include_usage && made.usage)
        events.push(frame({ ...base, choices: [],
            usage: usageOf(made.usage) }));
    events.push('data: [DONE]\n\n');
    return { events };
}

function vector(text, dimensions) {
    let seed = 2166136261;
    for (let i = 0; i < text.length; i++)
        seed = Math.imul(seed ^ text.charCodeAt(i), 16777619);
    const out = new Float32Array(dimensions);
    for (let i = 0; i < dimensions; i++) {
        seed = Math.imul(seed ^ (seed >>> 15), 2246822519) + i | 0;
        out[i] = (seed >>> 8) / 16777216 - 0.5;
    }
    return out;
}

export function embeddings(asked) {
    const tokens = (input) => Array.isArray(input)
        && typeof input[0] === 'number';
    const inputs = Array.isArray(asked.input) && !tokens(asked.input)
        ? asked.input : [asked.input];
    const usual = String(asked.model).endsWith('large') ? 3072 : 1536;
    const size = asked.dimensions > 0 && asked.dimensions <= usual
        ? Math.floor(asked.dimensions) : usual;
    const data = inputs.map((input, index) => {
        const floats = vector(JSON.stringify(input), size);
        const embedding = asked.encoding_format === 'base64'
            ? Buffer.from(floats.buffer).toString('base64')
            : Array.from(floats);
        return { object: 'embedding', index, embedding };
    });
    const used = inputs.reduce((sum, one) => sum + (tokens(one)
        ? one.length : tokensIn(String(one))), 0);
    return { status: 200, body: { object: 'list', data, model: asked.model,
        usage: { prompt_tokens: used, total_tokens: used } } };
}

const modelCard = (id) => ({ id, object: 'model', created: BORN,
    owned_by: 'fake' });

export const knowsModel = (id) => typeof id === 'string' && FAMILY.test(id);

export function models(id) {
    if (id === undefined)
        return { status: 200, body: { object: 'list',
            data: MODELS.map(modelCard) } };
    if (!MODELS.includes(id))
        return failure(404, `The model '${id}' does not exist`,
            'model_not_found', 'model');
    return { status: 200, body: modelCard(id) };
}

export { compose, identity, now, usageOf };
