// A grid of many equal tiles of which only those in sight exist: five thousand cost as much as fifty.
import { html, useLayoutEffect, useRef, useState } from './ui.js';

const MARGIN_ROWS = 3;

/**
 * `render(item, attributes)` draws one tile as a button with these attributes; what else it draws with is told by
 * `version`, so that scrolling draws only what comes into sight. Arrow keys move among tiles.
 */
export function Grid({ items, label, width, height, gap = 8, keyOf, render, version }) {
  const drawn = useRef({ version: null, tiles: new Map() });
  const box = useRef(null);
  const [seen, setSeen] = useState({ columns: 1, first: 0, last: 40 });
  const [current, setCurrent] = useState(0);
  const wanted = useRef(null); // a tile that shall have the focus once it exists

  const look = () => {
    if (!box.current) return;
    const place = box.current.getBoundingClientRect();
    const columns = Math.max(1, Math.floor((place.width + gap) / (width + gap)));
    const first = Math.max(0, Math.floor(-place.top / (height + gap)) - MARGIN_ROWS) * columns;
    const last = (Math.ceil((window.innerHeight - place.top) / (height + gap)) + MARGIN_ROWS) * columns;
    setSeen((was) => (was.columns === columns && was.first === first && was.last === last ? was : { columns, first, last }));
  };
  useLayoutEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    observer.observe(box.current);
    window.addEventListener('scroll', look, { passive: true });
    window.addEventListener('resize', look);
    return () => {
      observer.disconnect();
      window.removeEventListener('scroll', look);
      window.removeEventListener('resize', look);
    };
  }, [width, height, items.length]);
  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const tile = box.current.querySelector(`[data-n="${wanted.current}"]`);
    if (tile) {
      wanted.current = null;
      tile.focus();
    }
  });

  const active = Math.min(current, Math.max(items.length - 1, 0));
  const { columns, first, last } = seen;
  const move = (event) => {
    const page = columns * Math.max(1, Math.floor(window.innerHeight / (height + gap)) - 1);
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, PageDown: page, PageUp: -page, Home: -active, End: items.length };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(Math.max(active + step, 0), items.length - 1);
    const top = box.current.getBoundingClientRect().top + Math.floor(next / columns) * (height + gap);
    if (top < 120) window.scrollBy(0, top - 120);
    else if (top + height > window.innerHeight - 60) window.scrollBy(0, top + height - window.innerHeight + 60);
    wanted.current = next;
    setCurrent(next);
    look();
  };
  const shown = [];
  for (let n = first; n < Math.min(last, items.length); n += 1) shown.push(n);
  if (items.length && !shown.includes(active)) shown.push(active);
  const rows = Math.ceil(items.length / columns);
  const draw = (n, key, tabbed) => html`<div key=${key} role="listitem" aria-setsize=${items.length} aria-posinset=${n + 1}
    style=${{ left: `calc((100% + ${gap}px) / ${columns} * ${n % columns})`, top: `${Math.floor(n / columns) * (height + gap)}px`, width: `calc((100% + ${gap}px) / ${columns} - ${gap}px)`, height: `${height}px` }}>
    ${render(items[n], { 'data-n': n, tabindex: tabbed ? 0 : -1, onFocus: () => setCurrent(n) })}
  </div>`;
  const made = `${version} ${columns}`;
  if (drawn.current.version !== made) drawn.current = { version: made, tiles: new Map() };
  const before = drawn.current.tiles;
  drawn.current.tiles = new Map();
  const tiles = shown.map((n) => {
    const key = keyOf(items[n]);
    const was = before.get(key);
    const tabbed = n === active;
    const tile = was && was.item === items[n] && was.n === n && was.all === items.length && was.tabbed === tabbed ? was : { item: items[n], n, all: items.length, tabbed, node: draw(n, key, tabbed) };
    drawn.current.tiles.set(key, tile);
    return tile.node;
  });
  return html`<div ref=${box} class="grid" role="list" aria-label=${label} style=${{ height: `${rows * (height + gap)}px` }} onKeyDown=${move}>
    ${tiles}
  </div>`;
}
