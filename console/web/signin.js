// Signing in: with an account, or with an operator's token; a token is tried once, then kept in this tab.
import { tryToken } from './api.js';
import { useI18n } from './i18n.js';
import { comeBack, isBack, leave, offered } from './oidc.js';
import { Problem } from './parts.js';
import { claimsOf, isOperator, signIn, whyEnded } from './session.js';
import { html, Icon, useEffect, useState } from './ui.js';

export function SignIn() {
  const { t } = useI18n();
  const [text, setText] = useState('');
  const [told, setTold] = useState(whyEnded());
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(isBack);
  const take = async (token) => {
    const claims = claimsOf(token);
    setError(null);
    if (!claims) return setTold('signin.noToken');
    if (claims.exp && claims.exp * 1000 < Date.now()) return setTold('signin.expired');
    if (!isOperator(claims)) return setTold('signin.noOperator');
    try {
      await tryToken(token);
      signIn(token);
    } catch (problem) {
      if (problem.status === 401) setTold('signin.refused');
      else setError(problem);
    }
    return undefined;
  };
  const submit = (event) => {
    event.preventDefault();
    take(text.trim().replace(/^(Bearer\s+|\w+=)/i, ''));
  };
  useEffect(() => {
    if (busy) comeBack().then(take, setTold).then(() => setBusy(false));
  }, []);
  return html`<main class="signin">
    <form class="stack" onSubmit=${submit}>
      <h1><${Icon} name="allocations" size=${22} /> ${t('app.title')}</h1>
      ${offered && html`<button type="button" class="primary" autofocus disabled=${busy} onClick=${leave}>${t(busy ? 'state.loading' : 'signin.account')}</button>`}
      <p class="muted">${t('signin.hint')}</p>
      <label>${t('signin.token')}<textarea rows="5" spellcheck="false" autocomplete="off" required autofocus=${!offered} value=${text} onInput=${(e) => { setText(e.target.value); setTold(null); }} aria-describedby="told" /></label>
      <p id="told" class="told" role="alert">${told && t(told)}</p>
      ${error && html`<${Problem} error=${error} />`}
      <button type="submit" class=${offered ? '' : 'primary'}>${t('signin.go')}</button>
      <p class="muted small">${t('signin.kept')}</p>
    </form>
  </main>`;
}
