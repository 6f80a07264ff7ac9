// The operator's token. It lives in this tab alone: sessionStorage, never a cookie, never a URL.
const KEY = 'console.token';
const listeners = new Set();
let ended = null; // why the last session ended: a key of the texts, or null

export function token() {
  return sessionStorage.getItem(KEY);
}

/** What the token says of itself. The API verifies it; this is only to greet and to warn. Null: it is none. */
export function claimsOf(text) {
  try {
    const part = text.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (c) => c.charCodeAt(0))));
  } catch {
    return null;
  }
}

export function claims() {
  const text = token();
  return text ? claimsOf(text) : null;
}

export function isOperator(found) {
  return /(^| )scheduler[./]operator( |$)/.test(found?.scope ?? '');
}

export function signIn(text) {
  sessionStorage.setItem(KEY, text);
  ended = null;
  listeners.forEach((tell) => tell());
}

export function signOut(why = null) {
  sessionStorage.clear();
  ended = why;
  listeners.forEach((tell) => tell());
}

export function whyEnded() {
  return ended;
}

export function onSession(tell) {
  listeners.add(tell);
  return () => listeners.delete(tell);
}
