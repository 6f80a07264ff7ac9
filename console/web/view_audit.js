// The audit log: what operators changed, before and after.
import { useI18n } from './i18n.js';
import { useList } from './live.js';
import { Around, Badge, Dialog, Empty, Facts, Table, useSettled } from './parts.js';
import { html, useState } from './ui.js';

const ENTITIES = ['allocation', 'dead_letters', 'device', 'notification', 'placement_strategy', 'queue_entry', 'quota', 'quota_plan', 'reservation', 'webhook'];
const KINDS = { insert: 'free', update: 'lent', delete: 'error' };

export function Audit({ query }) {
  const { t, time } = useI18n();
  const [text, setText] = useState({ operator: '', entityId: query.get('entityId') ?? '', entity: '', from: '' });
  const [pages, setPages] = useState(1);
  const [open, setOpen] = useState(null);
  const wanted = new URLSearchParams({ limit: 50 });
  for (const [name, value] of Object.entries(useSettled(text))) if (value) wanted.set(name, name === 'from' ? new Date(value).toISOString() : value);
  const live = useList(`/audit-log?${wanted}`, pages, 15);
  const rows = live.data?.rows ?? [];
  const write = (name) => (event) => setText({ ...text, [name]: event.target.value.trim() });
  return html`<section>
    <header class="view-head"><h1>${t('nav.audit')}</h1><p class="muted">${t('audit.hint')}</p></header>
    <div class="filters">
      <label class="inline">${t('audit.operator')}<input value=${text.operator} onInput=${write('operator')} data-search /></label>
      <label class="inline">${t('audit.entity')}<select value=${text.entity} onChange=${write('entity')}><option value="">${t('fleet.all')}</option>${ENTITIES.map((key) => html`<option value=${key}>${key.replace('_', ' ')}</option>`)}</select></label>
      <label class="inline">${t('audit.id')}<input value=${text.entityId} onInput=${write('entityId')} /></label>
      <label class="inline">${t('audit.since')}<input type="datetime-local" value=${text.from} onInput=${write('from')} /></label>
    </div>
    <${Around} live=${live}>
      ${rows.length === 0 ? html`<${Empty} title=${t('audit.none')} hint=${t('audit.noneHint')} />` : html`<${Table} label=${t('nav.audit')} rows=${rows} keyOf=${(e) => e.id} onOpen=${setOpen} columns=${[
        { name: t('audit.when'), cell: (e) => time(e.at, true) },
        { name: t('audit.operator'), cell: (e) => e.operator },
        { name: t('audit.act'), cell: (e) => html`<${Badge} kind=${KINDS[e.act]}>${t(`audit.${e.act}`)}</${Badge}>` },
        { name: t('audit.entity'), cell: (e) => e.entity.replace('_', ' ') },
        { name: t('audit.id'), cell: (e) => html`<button class="link" onClick=${(event) => { event.stopPropagation(); setOpen(e); }}>${e.entityId}</button>` },
        { name: t('audit.changed'), cell: (e) => html`<span class="muted">${Object.keys(e.after ?? e.before ?? {}).slice(0, 4).join(', ')}</span>` },
      ]} />`}
      ${live.data?.more && html`<p class="more"><button onClick=${() => setPages(pages + 1)}>${t('act.more')}</button></p>`}
    </${Around}>
    ${open && html`<${Entry} entry=${open} onClose=${() => setOpen(null)} />`}
  </section>`;
}

function Entry({ entry, onClose }) {
  const { t, time } = useI18n();
  const names = [...new Set([...Object.keys(entry.before ?? {}), ...Object.keys(entry.after ?? {})])];
  const shown = (value) => (value === undefined || value === null ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));
  return html`<${Dialog} title=${entry.entityId} side onClose=${onClose}>
    <${Facts} of=${[[t('audit.when'), time(entry.at, true)], [t('audit.operator'), entry.operator], [t('audit.route'), entry.route && html`<code>${entry.route}</code>`],
      [t('audit.entity'), entry.entity], [t('device.tenant'), entry.tenantId], [t('audit.correlation'), entry.correlationId && html`<code>${entry.correlationId}</code>`]]} />
    <h3>${t('audit.changed')}</h3>
    <${Table} label=${t('audit.changed')} rows=${names} keyOf=${(name) => name} columns=${[
      { name: t('audit.field'), cell: (name) => name },
      { name: t('audit.before'), cell: (name) => html`<code>${shown(entry.before?.[name])}</code>` },
      { name: t('audit.after'), cell: (name) => html`<code>${shown(entry.after?.[name])}</code>` },
    ]} />
  </${Dialog}>`;
}

/** The acts on one thing, as a short list. */
export function ActList({ entity }) {
  const { t, time } = useI18n();
  const live = useList(`/audit-log?entityId=${encodeURIComponent(entity)}&limit=20`, 1, 15);
  const rows = live.data?.rows ?? [];
  return html`<${Around} live=${live}>${rows.length === 0 ? html`<p class="muted">${t('audit.untouched')}</p>` : html`<ol class="story">${rows.map((e) => html`<li key=${e.id}>
    <i class=${`dot ${KINDS[e.act]}`} aria-hidden="true" /><span>${e.operator}: ${e.route ?? t(`audit.${e.act}`)}</span><time datetime=${e.at}>${time(e.at, true)}</time></li>`)}</ol>`}</${Around}>`;
}
