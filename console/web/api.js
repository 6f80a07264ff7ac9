// The API: the token on each request, answers remembered by their ETag, refusals as one kind of error.
import { signOut, token } from './session.js';

export const BASE = new URL('.', document.baseURI).pathname.replace(/\/$/, ''); // …/scheduler, also behind a stage
const REMEMBERED = 200;
const PATIENCE = 30000;
const known = new Map(); // path → { tag, body }

/** What the API refused, or that it could not be asked (status 0). */
export class Refusal extends Error {
  constructor(status, body) {
    super(body?.detail || body?.message || '');
    Object.assign(this, { status, code: body?.code ?? (status ? `http_${status}` : 'unreachable'), body });
    this.retryable = body?.retryable ?? status === 0;
  }
}

/** Read a path below /scheduler. The same answer is the same object, so that nothing is drawn anew for it. */
export async function get(path) {
  const before = known.get(path);
  const reply = await ask('GET', path, undefined, before ? { 'If-None-Match': before.tag } : {});
  if (reply.status === 304 && before) return before.body;
  const body = await bodyOf(reply);
  const tag = reply.headers.get('ETag');
  known.delete(path);
  if (tag) known.set(path, { tag, body });
  if (known.size > REMEMBERED) known.delete(known.keys().next().value);
  return body;
}

/** Read up to `pages` pages of a list. */
export async function getAll(path, pages = 10) {
  const rows = [];
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const more = cursor ? `${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}` : '';
    const body = await get(path + more);
    rows.push(body.data);
    cursor = body.meta?.nextCursor ?? null;
    if (!cursor) break;
  }
  return { pages: rows, more: cursor !== null };
}

/** Change something. A POST that got no answer is sent once more, under the same key: it has one effect. */
export async function send(method, path, body = {}, name = crypto.randomUUID()) {
  const key = method === 'POST' ? { 'Idempotency-Key': name } : {};
  try {
    return await bodyOf(await ask(method, path, body, key));
  } catch (problem) {
    if (method !== 'POST' || problem.status !== 0) throw problem;
    return bodyOf(await ask(method, path, body, key));
  }
}

export function forget() {
  known.clear();
}

/** Try a token before it is kept; throws what the API says against it. */
export async function tryToken(text) {
  await bodyOf(await ask('GET', '/fleet?limit=1', undefined, { Authorization: `Bearer ${text}` }));
}

async function ask(method, path, body, headers) {
  const sent = token() ? { Authorization: `Bearer ${token()}`, ...headers } : { ...headers };
  if (body !== undefined && method !== 'DELETE') sent['Content-Type'] = 'application/json';
  const options = { method, headers: sent, cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) };
  if (sent['Content-Type']) options.body = JSON.stringify(body);
  let reply;
  try {
    reply = await fetch(BASE + path, options);
  } catch {
    throw new Refusal(0, null);
  }
  if (reply.status === 401 && token()) {
    forget();
    signOut('signin.expired');
  }
  return reply;
}

async function bodyOf(reply) {
  let body = null;
  try {
    body = await reply.json();
  } catch {
    // an answer that is no JSON is told by its status
  }
  if (!reply.ok) throw new Refusal(reply.status, body);
  return body;
}
