// Reads pages, and says which of their diagrams mermaid cannot: node diagrams.mjs <page> …
// It reads without a browser, so what would clean its texts for one has nothing to do.
import { readFileSync } from "node:fs";
import DOMPurify from "dompurify";
import mermaid from "mermaid";

DOMPurify.addHook = () => {};
DOMPurify.sanitize = (text) => text;

for (const page of process.argv.slice(2)) {
  for (const [, code] of readFileSync(page, "utf8").matchAll(/^```mermaid\n(.*?)^```/gms)) {
    try {
      await mermaid.parse(code);
    } catch (error) {
      console.error(`${page}: ${error.message}`);
      process.exitCode = 1;
    }
  }
}
