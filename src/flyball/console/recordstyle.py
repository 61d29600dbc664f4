"""The look of the pages about runs and models: tables, figures beside names, and the grid in the colours of the page."""

from __future__ import annotations

_PAGE = """
.places { display: flex; gap: .15rem; }
.place { padding: .25rem .7rem; border-radius: 8px; color: var(--soft); text-decoration: none; font-weight: 560; }
.place:hover { background: var(--wash); color: var(--ink); } .place[aria-current] { color: var(--ink); background: var(--wash); }
.sheet-page { display: grid; gap: 1.1rem; margin: 1.4rem auto 0; max-width: 92rem; width: calc(100% - 3rem);
  grid-template-columns: minmax(0, 1fr); }
.sheet-page > * { min-width: 0; } .sheet-page > :empty { display: none; }
.page-head h1 { margin: 0; font-size: 1.5rem; line-height: 1.3; font-weight: 640; letter-spacing: -.02em; overflow-wrap: anywhere; }
.page-head .panel-note:empty { display: none; }
.page-head + .panel, .page-head ~ section, .page-head + .waiting { margin-top: 1.1rem; }
.way { display: flex; flex-wrap: wrap; gap: .1rem .5rem; font-size: .8125rem; margin-bottom: .2rem; }
.way a { color: var(--soft); text-decoration: none; overflow-wrap: anywhere; } .way a:hover { color: var(--accent); }
.way a::after { content: "/"; color: var(--faint); margin-left: .5rem; }
.hint { color: var(--soft); font-size: .8125rem; } .sheet-page code, .version code { font: 500 .8125rem ui-monospace, "SF Mono", Menlo,
  Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; white-space: normal; }
.trouble { color: var(--bad); overflow-wrap: anywhere; } .trouble:empty, .told-line:empty { display: none; }
.run-status { display: inline-flex; align-items: center; gap: .45rem; --tone: var(--faint); }
.run-status::before { content: ""; width: .5rem; height: .5rem; border-radius: 50%; background: var(--tone); flex: none; }
.run-status.finished { --tone: var(--good); } .run-status.failed { --tone: var(--bad); } .run-status.killed { --tone: var(--amber); }
.run-status.running, .run-status.scheduled { --tone: var(--accent); } .run-status.running::before { animation: breathe 1.6s infinite; }
.run-link { color: var(--ink); text-decoration: none; font-weight: 560; } .run-link:hover { color: var(--accent); }
.runs-grid .run-link { display: block; overflow: hidden; text-overflow: ellipsis; }
a.link { color: var(--accent); overflow-wrap: anywhere; } .waiting { padding: 1rem 0; }
.facts.spread { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .7rem 2rem; padding: 0; border: 0; }
.facts.spread > div { display: block; } .facts.spread dt { font-size: .75rem; }
.facts.spread dd { text-align: left; margin: 0; white-space: normal; overflow-wrap: anywhere; font-weight: 500; }
"""

_RUNS = """
.runs-panel { display: grid; gap: .8rem; grid-template-columns: minmax(0, 1fr); padding-bottom: .9rem; }
.runs-tools { display: grid; grid-template-columns: minmax(12rem, 20rem) minmax(14rem, 1fr) auto; gap: .7rem; align-items: start; }
.runs-buttons { display: flex; flex-wrap: wrap; gap: .4rem; padding-top: .2rem; }
.button[aria-pressed="true"], .button[aria-expanded="true"] { background: var(--tint); border-color: transparent; color: var(--accent); }
.runs-tools .q-field__control { border-radius: 8px; color: var(--accent); } .runs-tools .q-field { min-width: 0; }
.runs-tools .q-field__native, .runs-tools .q-field__input { color: var(--ink); }
.runs-tools .q-chip { background: var(--tint); color: var(--accent); max-width: 12rem; }
.runs-filter input { font: 500 .8125rem ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.runs-options { background: var(--panel); color: var(--ink); border: 1px solid var(--hair); }
.runs-columns { display: grid; gap: .7rem; padding: .8rem 1rem .9rem; border-radius: 10px; background: var(--wash); max-height: 20rem;
  overflow-y: auto; }
.chip-group { display: flex; flex-wrap: wrap; align-items: baseline; gap: .3rem; }
.chip-group h3 { margin: 0 .4rem 0 0; font-size: .8125rem; line-height: 1.5; font-weight: 600; width: 5.5rem; }
.chip-group .chip { background: var(--panel); max-width: 16rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.chip-group .chip[aria-pressed="true"] { background: var(--tint); }
.runs-grid { height: max(24rem, calc(100vh - 21rem)); width: 100%; }
.runs-grid > *, .runs-grid .ag-root-wrapper { --ag-background-color: var(--panel); --ag-foreground-color: var(--ink);
  --ag-text-color: var(--ink); --ag-header-background-color: var(--panel); --ag-header-text-color: var(--soft);
  --ag-border-color: var(--hair); --ag-row-border-color: var(--hair); --ag-accent-color: var(--accent); --ag-font-size: .8125rem;
  --ag-font-family: inherit; --ag-header-font-weight: 580; --ag-row-hover-color: var(--wash); --ag-selected-row-background-color:
  var(--tint); --ag-wrapper-border-radius: 8px; --ag-checkbox-checked-background-color: var(--accent);
  --ag-checkbox-unchecked-border-color: var(--faint); --ag-checkbox-unchecked-background-color: var(--panel);
  --ag-tooltip-background-color: var(--panel); --ag-tooltip-text-color: var(--ink); --ag-cell-horizontal-padding: 12px; }
.runs-grid .ag-cell.figure { text-align: right; } .runs-grid .ag-header-cell.figure .ag-header-cell-label { flex-direction: row-reverse; }
.runs-grid .figure .ag-sort-indicator-icon { padding-right: .3rem; }
.cell-wait { display: inline-block; width: 60%; height: .6rem; border-radius: 4px; background: var(--hair); }
.ag-tooltip { max-width: 26rem; overflow-wrap: anywhere; white-space: pre-wrap; }
.runs-foot { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .8rem; min-height: 2.1rem; font-size: .8125rem;
  color: var(--soft); }
.runs-chosen { margin-left: auto; display: flex; align-items: center; } a.button { text-decoration: none; color: inherit; }
a.button.main { color: var(--on-accent); }
"""

_RECORDS = """
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(25rem, 100%), 1fr)); gap: 1.1rem; }
.curves .panel { padding-bottom: .8rem; } .curves h2 { overflow-wrap: anywhere; } .curve-plot { height: 13rem; }
.tip dt { overflow-wrap: anywhere; } .more { justify-self: start; }
.logged { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1.1rem; align-items: start; }
.panel h2 .aside { color: var(--faint); font-weight: 400; margin-left: .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .8125rem; } table th { text-align: left; }
.values { margin-top: .6rem; table-layout: fixed; } .values th { font-weight: 400; color: var(--soft); width: 40%; }
.values th, .values td { padding: .34rem .75rem .34rem 0; border-top: 1px solid var(--hair); vertical-align: top; overflow-wrap: anywhere;
  white-space: pre-wrap; }
.values td { font-weight: 520; } .values td.hint { font-weight: 400; text-align: right; padding-right: 0; }
.files { font-size: .8125rem; } h2 + .files, div + .files { margin-top: .5rem; }
.files .files { padding-left: 1.15rem; border-left: 1px solid var(--hair); margin-left: .3rem; }
.files > li { padding: .12rem 0; } .file-line { display: flex; gap: 1rem; justify-content: space-between; }
.file { color: var(--accent); text-decoration: none; overflow-wrap: anywhere; } .file:hover { text-decoration: underline; }
.size { color: var(--soft); white-space: nowrap; } .folder { font-weight: 560; overflow-wrap: anywhere; }
.folder::before { content: ""; display: inline-block; border: .3rem solid transparent; border-left-color: var(--faint);
  margin-right: .2rem; }
.folder[aria-expanded="true"]::before { transform: rotate(90deg) translateX(.1rem); }
.compared { display: flex; flex-wrap: wrap; gap: .4rem; margin-top: .9rem; }
.compared li { display: flex; align-items: center; gap: .5rem; padding: .2rem .35rem .2rem .7rem; border: 1px solid var(--hair);
  border-radius: 999px; background: var(--panel); max-width: 100%; }
.compared .swatch { border-top-width: 3px; flex: none; }
.compared .run-link { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 14rem; }
.leave { color: var(--soft); text-decoration: none; width: 1.4rem; height: 1.4rem; display: grid; place-items: center; border-radius: 50%; }
.leave:hover { background: var(--wash); color: var(--ink); }
.across-scroll, .table-scroll { overflow-x: auto; } .parallel-plot { height: 20rem; }
.beside { border-collapse: separate; border-spacing: 0; margin-top: .6rem; width: auto; min-width: 100%; }
.beside th, .beside td { padding: .38rem 1.1rem .38rem 0;
  border-top: 1px solid var(--hair); vertical-align: top; max-width: 18rem; overflow-wrap: anywhere; }
.beside thead th { border-top: 0; font-weight: 600; min-width: 7rem; }
.beside tbody th[scope="row"] { font-weight: 400; color: var(--soft); }
.beside .group th { padding-top: 1rem; font-weight: 620; border-top: 0; } .beside .differs td { font-weight: 580; }
.beside th:first-child { position: sticky; left: 0; background: var(--panel); min-width: 8rem; }
.filter-form { display: flex; gap: .5rem; } .field { flex: 1; min-width: 0; padding: .45rem .8rem; border-radius: 8px;
  border: 1px solid var(--rule); background: var(--panel); color: var(--ink); font: 500 .8125rem ui-monospace, "SF Mono", Menlo, Consolas,
  "DejaVu Sans Mono", monospace; } .field::placeholder { color: var(--faint); opacity: 1; }
.listing th, .listing td { padding: .6rem 1rem .6rem 0; border-top: 1px solid var(--hair); vertical-align: top; overflow-wrap: anywhere; }
.listing thead th { border-top: 0; color: var(--soft); font-weight: 560; padding-top: 0; white-space: nowrap; }
.listing td { white-space: nowrap; }
.listing td:nth-child(3) { white-space: normal; min-width: 8rem; }
.listing .hint { font-weight: 400; } .clamp { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
.alias, .stage { display: inline-block; padding: .08rem .6rem; margin: 0 .3rem .2rem 0; border-radius: 999px; background: var(--tint);
  color: var(--accent); font-size: .75rem; font-weight: 580; text-decoration: none; overflow-wrap: anywhere; }
.stage { background: var(--wash); color: var(--soft); }
.version-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem .6rem; } .version { display: grid; gap: .8rem; }
.version-head h2 { font-size: 1.0625rem; } .model-page .panel { margin-top: 1.1rem; } .version { scroll-margin-top: 4.5rem; }
"""

_NARROW = """
@media (max-width: 1000px) { .runs-tools { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } .runs-buttons { grid-column: 1 / -1; } }
@media (max-width: 640px) {
  .sheet-page { width: calc(100% - 1.5rem); gap: .75rem; margin-top: .9rem; } .runs-tools { grid-template-columns: minmax(0, 1fr); }
  .bar-left { flex-wrap: wrap; } .bar.framed { flex-wrap: nowrap; align-items: start; } .bar.framed .bar-right { flex: none; }
  .bar .project { padding-left: 0; border-left: 0; }
  .runs-grid { height: max(22rem, calc(100vh - 14rem)); } .curves, .logged { gap: .75rem; }
  .chip-group h3 { width: 100%; } .listing thead { display: none; } .listing tr { display: block; padding: .6rem 0;
  border-top: 1px solid var(--hair); } .listing th, .listing td { display: block; border: 0; padding: .1rem 0; white-space: normal; }
  .listing td::before { content: attr(data-title) " "; color: var(--soft); }
  .beside thead th { min-width: 6rem; } .model-page .panel { margin-top: .75rem; }
}
"""

RECORD_STYLE = _PAGE + _RUNS + _RECORDS + _NARROW
