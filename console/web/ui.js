// What every module draws with: Preact, its hooks, and templates in place of JSX.
import { h, render, Fragment, createContext } from './preact.js';
import htm from './htm.js';

export { render, Fragment, createContext };
export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useContext } from './hooks.js';
export const html = htm.bind(h);

const ICONS = {
  fleet: 'M2 2h5v5H2zM9 2h5v5H9zM2 9h5v5H2zM9 9h5v5H9z',
  timeline: 'M2 3h7v2H2zM5 7h9v2H5zM3 11h6v2H3z',
  queue: 'M2 3h12v2H2zM2 7h9v2H2zM2 11h6v2H2z',
  allocations: 'M5 1h6a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V2a1 1 0 0 1 1-1zm1 2v8h4V3zm1 9.500h2v1H7z',
  users: 'M8 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zm-6 6c0-3 2.700-5 6-5s6 2 6 5z',
  health: 'M1 8h3l2-5 3 10 2-5h4v-1.500h-5L9 9 6.200 0 3 6.500H1z',
  audit: 'M3 1h7l3 3v11H3zm2 5v1.500h6V6zm0 3v1.500h6V9zm0 3v1.500h4V12z',
  close: 'M3.500 2.100 8 6.600l4.500-4.500 1.400 1.400L9.400 8l4.500 4.500-1.400 1.400L8 9.400l-4.500 4.500-1.400-1.400L6.600 8 2.100 3.500z',
  moon: 'M6 1a7 7 0 1 0 9 9A6 6 0 0 1 6 1z',
  out: 'M2 2h7v2H4v8h5v2H2zm8 2.500 4 3.500-4 3.500V9H6V7h4z',
};

export function Icon({ name, size = 16 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 16 16" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
}
