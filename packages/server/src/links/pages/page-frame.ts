/** The frame of every page: one document without scripts and without anything from elsewhere. */
import { createHash } from 'node:crypto';

/** Text that is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML. What would not be seen, or would turn the line around, is shown as a mark. */
export const escapeHtml = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Surrogate}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');

/** A template whose values are escaped, unless they are HTML. */
export const html = (
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html => {
  const textOf = (value: (typeof values)[number]): string => {
    if (value instanceof Html) return value.text;
    if (typeof value === 'object') return value.map((each) => each.text).join('');
    return escapeHtml(String(value));
  };
  return new Html(
    parts.reduce((text, part, index) => text + textOf(values[index - 1] ?? '') + part),
  );
};

const STYLE = `
:root{color-scheme:light dark;--page:#f3f5f8;--card:#fff;--text:#1b2430;--soft:#556170;--line:#dde3ea;
--act:#0b5cad;--act-text:#fff;--bad:#9b1c1c;--focus:#0b5cad}
@media (prefers-color-scheme:dark){:root{--page:#11161d;--card:#1a212b;--text:#e8edf3;--soft:#a3afbd;
--line:#313c4a;--act:#6db3ff;--act-text:#0a1622;--bad:#ff9d9d;--focus:#9accff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:1rem/1.5 system-ui,sans-serif;
-webkit-text-size-adjust:100%}
main{max-width:46rem;margin:0 auto;padding:clamp(1rem,4vw,3rem) 1rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;
padding:clamp(1rem,4vw,2rem)}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem;overflow-wrap:anywhere}
p{margin:.25rem 0 1rem}
.soft{color:var(--soft)}
.bad{color:var(--bad);font-weight:600}
.button{display:inline-block;border:1px solid var(--act);border-radius:.5rem;padding:.5rem 1rem;
font:inherit;font-weight:600;text-decoration:none;color:var(--act);background:transparent;cursor:pointer;
white-space:nowrap;text-align:center}
.main{background:var(--act);color:var(--act-text)}
.button:hover{text-decoration:underline}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
ul{list-style:none;margin:1.5rem 0 0;padding:0;border-top:1px solid var(--line)}
li{display:flex;gap:1rem;align-items:center;padding:.75rem 0;border-bottom:1px solid var(--line)}
li:last-child{border-bottom:0;padding-bottom:0}
.name{flex:1;min-width:0;overflow-wrap:anywhere}
.name span{display:block;font-size:.875rem}
label{display:block;font-weight:600;margin-bottom:.25rem}
input{width:100%;font:inherit;padding:.5rem .75rem;border:1px solid var(--soft);border-radius:.5rem;
background:var(--page);color:var(--text);margin-bottom:1rem}
nav{display:flex;gap:1rem;justify-content:space-between;align-items:center;flex-wrap:wrap;margin-top:1.25rem}
footer{text-align:center;font-size:.875rem;padding-top:1.5rem}
@media (max-width:30rem){p .button,form .button{width:100%}li{gap:.75rem}li .button{padding:.5rem .75rem;font-size:.875rem}}
@media print{.button,form{display:none}}
`;

const styleHash = createHash('sha256').update(STYLE).digest('base64');

/** Headers of every answer below `/d/`. The path holds the secret: no page may tell it on. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'x-robots-tag': 'noindex, nofollow, noarchive',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
};

/** A whole document. */
export const documentOf = (title: string, content: Html): string =>
  html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${new Html(STYLE)}</style></head>
<body><main><div class="card">${content}</div><footer class="soft">Sent with JetStream</footer></main></body></html>
`.text;
