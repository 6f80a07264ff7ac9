// Signing in where the page says, by authorization code and PKCE (RFC 7636): the tab leaves, and comes back with a code.
import { claimsOf } from './session.js';

const KEY = 'console.login'; // what this tab has begun: verifier, state, nonce, and the place to come back to
const at = JSON.parse(document.querySelector('meta[name=oidc]')?.content ?? null);
const begun = JSON.parse(sessionStorage.getItem(KEY));
const said = new URLSearchParams(location.search);
const asked = { client_id: at?.client_id, redirect_uri: location.origin + location.pathname };
sessionStorage.removeItem(KEY); // it is good for one answer

export const offered = at && crypto.subtle;
export let isBack = said.has('code') || said.has('error');
if (isBack) history.replaceState(null, '', location.pathname + (begun?.place ?? ''));

export async function leave() {
  const [state, nonce, half, other] = Array.from('1234', () => crypto.randomUUID());
  const verifier = half + other; // 244 bits
  sessionStorage.setItem(KEY, JSON.stringify({ verifier, state, nonce, place: location.hash }));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  const challenge = btoa(String.fromCharCode(...digest)).replace(/\+/g, '-').replace(/\//g, '_').replace('=', '');
  const to = new URL(at.authorize_url);
  const all = { ...asked, response_type: 'code', scope: at.scope, state, nonce, code_challenge: challenge, code_challenge_method: 'S256' };
  Object.entries(all).forEach((one) => to.searchParams.set(...one));
  location.assign(to);
}

/** Give the token for the code that came back; throws the key of the text that says why there is none. */
export async function comeBack() {
  isBack = false;
  if (said.get('state') !== begun?.state) throw 'signin.foreign';
  if (said.has('error')) throw said.get('error') === 'access_denied' ? 'signin.denied' : 'signin.failed';
  const body = new URLSearchParams({ ...asked, grant_type: 'authorization_code', code: said.get('code'), code_verifier: begun.verifier });
  const reply = await fetch(at.token_url, { method: 'POST', body, signal: AbortSignal.timeout(30000) }).catch(() => { throw 'signin.silent'; });
  const got = await reply.json().catch(() => ({}));
  if (!got.access_token) throw 'signin.failed';
  if (got.id_token && claimsOf(got.id_token)?.nonce !== begun.nonce) throw 'signin.foreign';
  return got.access_token;
}
