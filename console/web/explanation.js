// Why an allocation got its device: the decision as it was made, and the same question asked now.
import { useI18n } from './i18n.js';
import { useLive } from './live.js';
import { Facts, Table } from './parts.js';
import { html } from './ui.js';

export function Explanation({ id }) {
  const { t, time, number } = useI18n();
  const live = useLive(`/allocations/${encodeURIComponent(id)}/explain`, 120);
  const of = live.data?.data;
  if (!of) return null;
  const { decision, now } = of;
  return html`<h2>${t('alloc.why')}</h2>
    <div class="columns"><div>
      <${Facts} of=${decision ? [
        [t('why.strategy'), decision.strategy],
        [t('why.score'), decision.score === null ? null : number(decision.score)],
        [t('why.chance'), decision.explored ? t('why.explored', { share: number(decision.propensity * 100) }) : t('why.certain')],
        [t('why.model'), decision.modelVersion],
        [t('why.moved'), of.movedTimes || null],
      ] : [[t('why.strategy'), t('why.outside')]]} />
      ${of.fromReservation && html`<p class="muted">${t('why.reserved')}</p>`}
      ${now.excluded.length > 0 && html`<h3>${t('why.excluded')}</h3><ul class="plainlist even">${now.excluded.map((one) => html`<li key=${one.filter}><b>${number(one.devices)} · ${one.filter}</b><span class="muted">${one.change}</span></li>`)}</ul>`}
    </div><div>
      <h3>${t('why.now', { time: time(now.at, true), fitting: number(now.fitting), considered: number(now.considered) })}</h3>
      ${now.candidates.length > 0 && html`<${Table} label=${t('why.candidates')} rows=${now.candidates} keyOf=${(one) => one.deviceId} columns=${[
        { name: t('alloc.device'), cell: (one) => html`<a href=${`#fleet?device=${encodeURIComponent(one.deviceId)}`}>${one.deviceId}</a>` },
        { name: t('why.score'), num: true, cell: (one) => html`<b>${number(one.score)}</b>` },
        { name: t('why.parts'), wide: true, cell: (one) => html`<span class="muted">${Object.entries(one.parts).map(([name, value]) => `${name} ${number(value)}`).join(' · ')}</span>` },
      ]} />`}
    </div></div>`;
}
