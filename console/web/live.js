// Keeping a view up to date: asked again every few seconds, slower while the API fails, not at all in a hidden tab.
import { get, getAll } from './api.js';
import { useCallback, useEffect, useRef, useState } from './ui.js';

const SLOWEST = 60;

/** Poll whatever `read` reads; `key` names it. Gives { data, error, at, refresh }; `data` stays when asking fails. */
export function usePolled(key, read, seconds) {
  const [state, setState] = useState({ key, data: null, error: null, at: null });
  const [turn, setTurn] = useState(0);
  const reading = useRef(read);
  reading.current = read;
  useEffect(() => {
    if (key === null) return undefined;
    let timer = null;
    let failed = 0;
    let over = false;
    const again = () => {
      timer = setTimeout(run, 1000 * Math.min(seconds * 2 ** failed, Math.max(SLOWEST, seconds)));
    };
    const run = async () => {
      if (document.hidden) return again();
      try {
        const data = await reading.current();
        failed = 0;
        if (!over) setState((was) => (was.key === key && was.data === data && !was.error ? Object.assign(was, { at: Date.now() }) : { key, data, error: null, at: Date.now() }));
      } catch (error) {
        failed += 1;
        if (!over) setState((was) => ({ key, data: was.key === key ? was.data : null, at: was.key === key ? was.at : null, error }));
      }
      if (!over) again();
      return undefined;
    };
    run();
    const seen = () => {
      if (!document.hidden) {
        clearTimeout(timer);
        run();
      }
    };
    document.addEventListener('visibilitychange', seen);
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [key, seconds, turn]);
  const refresh = useCallback(() => setTurn((n) => n + 1), []);
  const fresh = state.key === key ? state : { data: null, error: null, at: null };
  return { data: fresh.data, error: fresh.error, at: fresh.at, refresh };
}

/** Poll one path; `path` null: do not ask yet. */
export function useLive(path, seconds = 10) {
  return usePolled(path, () => get(path), seconds);
}

export const FLEET_MOST = 20000;
const joined = { pages: [], rows: [] };

/** Poll the whole fleet, page by page; a page that did not change is the same object, and so is the whole. */
export function useFleet(seconds = 5) {
  return usePolled('fleet', readFleet, seconds);
}

async function readFleet() {
  const { pages } = await getAll('/fleet?limit=1000', FLEET_MOST / 1000);
  if (pages.length !== joined.pages.length || pages.some((page, n) => page !== joined.pages[n])) {
    joined.pages = pages;
    joined.rows = pages.flat();
  }
  return joined.rows;
}

/** The time, told anew every so many seconds: for what counts down. */
export function useNow(seconds = 15) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
  return now;
}

/** Poll the first pages of a list: `data` is { rows, more }, the same object as long as nothing changed. */
export function useList(path, pages = 1, seconds = 10) {
  const before = useRef({ pages: [] });
  return usePolled(path === null ? null : `${path} ${pages}`, async () => {
    const found = await getAll(path, pages);
    const same = found.pages.length === before.current.pages.length && found.pages.every((page, n) => page === before.current.pages[n]);
    if (!same) before.current = { ...found, rows: found.pages.flat() };
    return before.current;
  }, seconds);
}
