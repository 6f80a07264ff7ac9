// Words and figures in the user's language. The texts themselves are in texts.js.
import { TEXTS } from './texts.js';
import { createContext, useContext, useMemo } from './ui.js';

export const LANGUAGES = ['en', 'zh'];
const LOCALES = { en: 'en-GB', zh: 'zh-CN' };
const MINUTE = 60000;

export function preferredLanguage() {
  const kept = localStorage.getItem('console.language');
  if (LANGUAGES.includes(kept)) return kept;
  return navigator.language.startsWith('zh') ? 'zh' : 'en';
}

export const Language = createContext('en');

/** Give `t` (a text by its key, with values filled in), and what writes numbers and times. */
export function useI18n() {
  const language = useContext(Language);
  return useMemo(() => speak(language), [language]);
}

function speak(language) {
  const column = LANGUAGES.indexOf(language);
  const locale = LOCALES[language];
  const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const hour = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  const clock = new Intl.DateTimeFormat(locale, hour);
  const exact = new Intl.DateTimeFormat(locale, { ...hour, second: '2-digit' });
  const dated = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', ...hour });
  const datedExact = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', ...hour, second: '2-digit' });
  const t = (key, values = {}) => {
    const text = TEXTS[key]?.[column] ?? key;
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
  };
  /** A time of day; with its date unless it is today. */
  const time = (when, seconds = false) => {
    if (!when) return '–';
    const date = new Date(when);
    const today = date.toDateString() === new Date().toDateString();
    return (today ? (seconds ? exact : clock) : seconds ? datedExact : dated).format(date);
  };
  return {
    language,
    t,
    has: (key) => key in TEXTS,
    number: (value) => numbers.format(value),
    time,
    /** The API's own words, their times as of here. */
    quoted: (text) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (when) => time(when, true)),
    /** How long is left, or how long it is over. */
    left: (milliseconds) => t(milliseconds < 0 ? 'time.over' : 'time.left', { time: span(Math.abs(milliseconds), t) }),
    span: (milliseconds) => span(milliseconds, t),
  };
}

function span(milliseconds, t) {
  const minutes = Math.round(milliseconds / MINUTE);
  if (milliseconds < MINUTE) return t('time.s', { s: Math.round(milliseconds / 1000) });
  if (minutes < 60) return t('time.min', { m: minutes });
  if (minutes < 60 * 24) return t('time.h', { h: Math.floor(minutes / 60), m: String(minutes % 60).padStart(2, '0') });
  return t('time.d', { d: Math.floor(minutes / 1440), h: Math.floor((minutes % 1440) / 60) });
}
