// Lighthouse's judgement of pages that are open in a browser: the address of the browser's debugger is the argument,
// each line of input the address of a page, each line of output what was found there.
// Started by judge.py, beside the packages.
import dns from 'node:dns';
import {syncBuiltinESMExports} from 'node:module';
import {createInterface} from 'node:readline';

// The browser has a numeric address. Whatever wants to look up a name would call somebody else.
dns.lookup = (name, ...rest) => rest.at(-1)(new Error(`${name} is not to be called`));
dns.promises.lookup = async (name) => Promise.reject(new Error(`${name} is not to be called`));
syncBuiltinESMExports();

const {default: puppeteer} = await import('puppeteer-core');
const {snapshot} = await import('lighthouse');
const {pageFunctions} = await import('lighthouse/core/lib/page-functions.js');
pageFunctions.computeBenchmarkIndex = () => 0; // how fast this machine is takes a second to find out, and changes no score

const SETTINGS = {
  onlyCategories: ['accessibility'],
  formFactor: 'desktop', // names the kind of report; the window stays as it is
  screenEmulation: {disabled: true},
  throttlingMethod: 'provided',
  disableFullPageScreenshot: true,
};

/** Give the score, 0 to 1, of the one page at an address, and which audits made it. */
async function judged(browser, address) {
  const pages = await browser.pages();
  const addresses = await Promise.all(pages.map((page) => page.evaluate('location.href')));
  const open = pages.filter((_, index) => addresses[index] === address);
  if (open.length !== 1) throw new Error(`${open.length} pages are open at ${address}`);
  const {lhr} = await snapshot(open[0], {config: {extends: 'lighthouse:default', settings: SETTINGS}});
  if (lhr.runtimeError) throw new Error(lhr.runtimeError.message);
  const weighed = lhr.categories.accessibility.auditRefs.filter((ref) => ref.weight > 0);
  const results = weighed.map((ref) => lhr.audits[ref.id]).filter((audit) => audit.scoreDisplayMode !== 'notApplicable');
  return {
    version: lhr.lighthouseVersion,
    score: lhr.categories.accessibility.score,
    passed: results.filter((audit) => audit.score === 1).map((audit) => audit.id),
    failed: results.filter((audit) => audit.score !== 1)
      .map((audit) => `${audit.id}: ${audit.errorMessage ?? audit.details?.items?.[0]?.node?.snippet ?? audit.title}`),
  };
}

const browser = await puppeteer.connect({browserURL: process.argv[2], defaultViewport: null});
for await (const address of createInterface({input: process.stdin})) {
  const found = await judged(browser, address).catch((error) => ({error: String(error)}));
  process.stdout.write(`${JSON.stringify(found)}\n`);
}
await browser.disconnect();
