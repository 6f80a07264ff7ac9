// Curves over time, drawn by uPlot in the colours of the page.
import { useI18n } from './i18n.js';
import { html, useEffect, useRef } from './ui.js';

/** `series`: [{ label, values, colour }] over `times` (seconds). The figures are also in a table for screen readers. */
export function Chart({ label, times, series, height = 170 }) {
  const { time } = useI18n();
  const box = useRef(null);
  const plot = useRef(null);
  useEffect(() => {
    let over = false;
    let observer = null;
    import('./uplot.js').then(({ default: UPlot }) => {
      if (over || !box.current) return;
      const style = getComputedStyle(document.documentElement);
      const colour = (name) => style.getPropertyValue(`--${name}`).trim();
      const clock = (second) => time(second * 1000, true);
      const axis = { stroke: colour('soft'), grid: { stroke: colour('line'), width: 1 }, ticks: { show: false }, font: '11px system-ui' };
      plot.current = new UPlot({
        width: box.current.clientWidth, height, legend: { show: series.length > 1 }, cursor: { y: false },
        axes: [{ ...axis, space: 80, values: (_, seconds) => seconds.map(clock) }, { ...axis, size: 44 }],
        scales: { y: { range: (_, low, high) => [0, Math.max(high * 1.15, 1)] } },
        series: [{ value: (_, second) => (second ? clock(second) : '–') }, ...series.map((one) => ({ label: one.label, stroke: colour(one.colour), fill: `${colour(one.colour)}22`, width: 2, points: { show: false } }))],
      }, [times, ...series.map((one) => one.values)], box.current);
      observer = new ResizeObserver(() => box.current && plot.current?.setSize({ width: box.current.clientWidth, height }));
      observer.observe(box.current);
    });
    return () => {
      over = true;
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => {
    plot.current?.setData([times, ...series.map((one) => one.values)]);
  }, [times]);
  const last = series.map((one) => `${one.label}: ${one.values.at(-1) ?? '–'}`).join(', ');
  return html`<figure class="chart"><figcaption>${label}</figcaption><div ref=${box} role="img" aria-label=${`${label}. ${last}`} style=${{ minHeight: `${height}px` }} /></figure>`;
}
