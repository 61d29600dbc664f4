"""The page's look. Colours are named by what they stand for and have a light and a dark value; no file is fetched."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfbf9; --panel: #ffffff; --ink: #1b1e23; --soft: #59616d; --faint: #8a929d; --hair: #e6e7e3; --rule: #d3d6d2;
  --wash: #f3f4f1; --focus: #2f5bd0; --warn: #c2352b; --bad: #b3261e; --good: #1d7a4f;
  --quiet: #7d8590; --c0: #2f5bd0; --c1: #c2700f; --c2: #12806f; --c3: #a3307e; --c4: #6a52c4; --c5: #7a5a2c;
  --d0: #eceee9; --d1: #f6dfc0; --d2: #f0c08a; --d3: #e0924f; --d4: #c2622a; --d5: #8a3a17;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --panel: #1a1d22; --ink: #e8e9e6; --soft: #a4abb5; --faint: #79818c; --hair: #282c33; --rule: #383d46;
    --wash: #21252b; --focus: #86a8ff; --warn: #ff8f85; --bad: #ff8a80; --good: #6fce9f;
    --quiet: #8e97a3; --c0: #86a8ff; --c1: #f0a95a; --c2: #57c9b4; --c3: #e58cc4; --c4: #b3a2f5; --c5: #cfae7c;
    --d0: #262a30; --d1: #453523; --d2: #6b4a26; --d3: #98632b; --d4: #cc8438; --d5: #ffb25c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 3.5rem 1.5rem 4rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 400 0.9375rem/1.55 ui-sans-serif, system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
h1 { margin: 0.15rem 0 0.4rem; font-size: 2.4rem; line-height: 1.15; font-weight: 650; letter-spacing: -0.022em;
  overflow-wrap: anywhere; }
h2 { margin: 0 0 0.35rem; font-size: 1.0625rem; font-weight: 620; letter-spacing: -0.008em; overflow-wrap: anywhere; }
p { margin: 0; }
.eyebrow { color: var(--soft); font-size: 0.8125rem; font-weight: 560; letter-spacing: 0.01em; }
.facts, .note, .under, footer { color: var(--soft); }
.facts { white-space: pre-wrap; }
.lead { margin: 1.9rem 0 1.6rem; max-width: 46rem; font-size: 1.1875rem; line-height: 1.5; letter-spacing: -0.008em;
  overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; }
.cards:has(> :only-child) { max-width: 24rem; }
.card { padding: 1.15rem 1.3rem 1.1rem; background: var(--panel); border: 1px solid var(--hair); border-top: 3px solid var(--c);
  border-radius: 8px; }
.card h2 { color: var(--ink); }
.card .swatch { display: none; }
.big { font-size: 2.35rem; line-height: 1.15; font-weight: 600; letter-spacing: -0.03em; }
.card.best .big { color: var(--c); }
.under { font-size: 0.8125rem; }
.card dl { display: flex; gap: 1.6rem; margin: 0.95rem 0 0; padding-top: 0.8rem; border-top: 1px solid var(--hair); }
dt { color: var(--soft); font-size: 0.75rem; }
dd { margin: 0; font-weight: 600; font-size: 1.0625rem; line-height: 1.3; }
.figure { margin-top: 1.25rem; padding: 1.4rem 1.5rem 1.3rem; background: var(--panel); border: 1px solid var(--hair);
  border-radius: 8px; }
.figure > .note { margin-bottom: 0.9rem; font-size: 0.875rem; }
.scroll { overflow-x: auto; border-radius: 4px; }
.scroll:focus-visible, a:focus-visible, summary:focus-visible, input:focus-visible + label { outline: 2px solid var(--focus);
  outline-offset: 2px; }
svg { display: block; }
.scroll > svg { width: 100%; min-width: 44rem; height: auto; }
svg text { font: 500 11.5px ui-sans-serif, system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
.quiet { --c: var(--quiet); } .c0 { --c: var(--c0); } .c1 { --c: var(--c1); } .c2 { --c: var(--c2); }
.c3 { --c: var(--c3); } .c4 { --c: var(--c4); } .c5 { --c: var(--c5); }
.swatch { display: inline-block; width: 1.15rem; height: 3px; margin-right: 0.5rem; border-radius: 2px; background: var(--c);
  vertical-align: 0.25em; }
.swatch.quiet { background: repeating-linear-gradient(90deg, var(--c) 0 5px, transparent 5px 8px); }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; margin: 0.5rem 0 0.6rem; padding: 0; list-style: none;
  color: var(--soft); font-size: 0.8125rem; }
.legend li { display: flex; align-items: center; gap: 0.4rem; }
.legend .swatch { margin-right: 0.1rem; }
.grid { stroke: var(--hair); stroke-width: 1; } .rule { stroke: var(--rule); stroke-width: 1; }
.tick { fill: var(--faint); } svg .note { fill: var(--faint); } .waiting { fill: var(--wash); }
.line { fill: none; stroke: var(--c); stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
.line.quiet { stroke-dasharray: 6 5; stroke-width: 1.9; }
.windows .line { stroke-width: 1.6; }
.veil { fill: var(--c); opacity: 0.13; } .windows .veil { opacity: 0.07; }
.dot { fill: var(--panel); stroke: var(--c); stroke-width: 2; } .end { fill: var(--c); font-weight: 650; }
.touch { fill: var(--ink); opacity: 0; } .touch:hover { opacity: 0.05; }
.lane { fill: var(--c); font-weight: 650; }
.band { fill: var(--c); opacity: 0.26; } a:hover .band, a:focus-visible .band { opacity: 0.5; }
.inband { fill: var(--ink); font-size: 11px; pointer-events: none; }
.alarm { fill: var(--warn); } .training { fill: var(--panel); stroke: var(--c); stroke-width: 2; }
.refused { fill: none; stroke: var(--ink); stroke-width: 2; stroke-linecap: round; }
a:hover .training { fill: var(--c); } a:hover .alarm, a:hover .refused { stroke: var(--ink); }
.drift.alarmed { stroke: var(--warn); stroke-width: 1.4; }
.d0 { fill: var(--d0); } .d1 { fill: var(--d1); } .d2 { fill: var(--d2); } .d3 { fill: var(--d3); } .d4 { fill: var(--d4); }
.d5 { fill: var(--d5); }
.grain, .switch { position: absolute; opacity: 0; }
.grain + label, .switch + label {
  display: inline-block; margin: 0.25rem 0.35rem 0.1rem 0; padding: 0.2rem 0.7rem; border: 1px solid var(--rule); border-radius: 999px;
  color: var(--soft); font-size: 0.8125rem; cursor: pointer;
}
.grain:checked + label, .switch:checked + label { background: var(--ink); border-color: var(--ink); color: var(--panel); }
.windows { display: none; }
#by-window:checked ~ .windows { display: block; } #by-window:checked ~ .monthly { display: none; }
table { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
caption { padding: 0.9rem 0 0.5rem; text-align: left; color: var(--soft); font-size: 0.8125rem; }
th, td { padding: 0.5rem 0.75rem; text-align: right; vertical-align: baseline; border-bottom: 1px solid var(--hair); white-space: nowrap; }
th:first-child { padding-left: 0; text-align: left; } td:last-child, th:last-child { padding-right: 0; }
thead th { color: var(--soft); font-weight: 500; font-size: 0.8125rem; border-bottom-color: var(--rule); white-space: normal;
  vertical-align: bottom; }
tbody th { font-weight: 560; } tbody tr:last-child > * { border-bottom: 0; }
td small, th small { display: block; color: var(--faint); font-size: 0.75rem; font-weight: 400; }
td strong { font-weight: 680; }
.world { border-top: 1px solid var(--hair); padding: 0.15rem 0; }
.world > summary { padding: 0.65rem 0; cursor: pointer; }
.world > .switch + label { margin: 1rem 0 0.4rem; }
.events { margin: 0.4rem 0 1.2rem; padding: 0; list-style: none; font-size: 0.875rem; }
.events > li { border-bottom: 1px solid var(--hair); }
.events > li:target { background: var(--wash); box-shadow: -3px 0 0 var(--focus); }
.events summary, .alone, .events > .routine { display: grid; grid-template-columns: 9.5rem 9.75rem 1fr; gap: 0.75rem;
  padding: 0.5rem 0.25rem; align-items: baseline; }
.events summary { cursor: pointer; list-style: none; } .events summary::-webkit-details-marker { display: none; }
.events summary:hover { background: var(--wash); }
.events summary .what::after { content: " \\203A"; color: var(--faint); }
.events details[open] .what::after { content: ""; }
.events > .routine { display: none; color: var(--faint);
  } .switch:checked ~ .events > .routine, .events > .routine:target { display: grid; }
time { color: var(--soft); white-space: nowrap; }
.what { overflow-wrap: anywhere; min-width: 0; }
.kind { font: 500 0.75rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; color: var(--soft); overflow-wrap: anywhere; }
.kind.warn { color: var(--warn); } .kind.bad { color: var(--bad); } .kind.good { color: var(--good); } .kind.work { color: var(--focus); }
.chain { margin: 0.1rem 0 1rem 0.25rem; padding: 0.2rem 0 0.2rem 1.1rem; border-left: 2px solid var(--rule); }
.chain ol { margin: 0; padding: 0; list-style: none; } .chain li { padding: 0.22rem 0; overflow-wrap: anywhere; }
.chain li::before { content: "↑"; margin-right: 0.6rem; color: var(--faint); }
.because, .identity, .gap { color: var(--faint); font-size: 0.8125rem; } .chain a { color: inherit; text-decoration-color: var(--rule);
  text-underline-offset: 3px; }
code { font: 400 0.75rem ui-monospace, "SF Mono", Menlo, Consolas, monospace; color: var(--faint); overflow-wrap: anywhere; }
footer { margin-top: 2rem; font-size: 0.8125rem; }
#tip {
  position: fixed; z-index: 2; max-width: 26rem; padding: 0.55rem 0.75rem; border: 1px solid var(--rule); border-radius: 6px;
  background: var(--panel);
  box-shadow: 0 6px 24px rgb(0 0 0 / 0.14); font-size: 0.8125rem; white-space: pre-line; pointer-events: none;
}
#tip[hidden] { display: none; }
@media (max-width: 44rem) {
  body { padding: 1.75rem 0.9rem 2.5rem; } h1 { font-size: 1.8rem; } .lead { margin: 1.2rem 0; font-size: 1.0625rem; }
  .figure { padding: 1.05rem 0.95rem; } .events summary, .alone, .events > .routine { grid-template-columns: 1fr; gap: 0.05rem; }
  .switch:checked ~ .events > .routine { display: grid; }
}
@media print {
  :root { --paper: #fff; --panel: #fff; --wash: #f3f4f1; } body { padding: 0; max-width: none; font-size: 9.5pt; }
  .lead { margin: 0.9rem 0; } .figure { padding: 0.8rem 1rem; } th, td { padding: 0.22rem 0.5rem; } tr { break-inside: avoid; }
  .figure, .card { break-inside: avoid; } .figure:last-child { break-inside: auto; }
  .grain, .grain + label, .switch, .switch + label, #tip, footer { display: none; } .scroll { overflow: visible; }
.scroll > svg { min-width: 0; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
