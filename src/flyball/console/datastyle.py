"""The look of the pages about datasets: health, versions, profiles, checks and rows that were set aside."""

from __future__ import annotations

_LISTS = """
.mark { display: inline-flex; align-items: center; gap: .45rem; --tone: var(--faint); font-weight: 560; white-space: nowrap; }
.mark::before { content: ""; width: .5rem; height: .5rem; border-radius: 50%; background: var(--tone); flex: none; }
.mark.good { --tone: var(--good); } .mark.warn { --tone: var(--amber); } .mark.bad { --tone: var(--bad); }
.mark.work { --tone: var(--accent); }
.reasons { color: var(--soft); font-size: .8125rem; overflow-wrap: anywhere; } .reasons.spaced { margin-top: .8rem; }
.listing td.why { white-space: normal; min-width: 9rem; overflow-wrap: anywhere; }
.listing td.figure { font-variant-numeric: tabular-nums; }
.datasets td:nth-child(3), .versions td:nth-child(3) { white-space: nowrap; min-width: 0; }
.listing thead a { color: inherit; text-decoration: none; } .listing thead a:hover { color: var(--accent); }
.choices { display: flex; flex-wrap: wrap; gap: .6rem .8rem; align-items: end; margin-top: .8rem; } .filter-form.choices { margin-top: 0; }
.choice { display: grid; gap: .2rem; font-size: .75rem; color: var(--soft); min-width: 0; } .choice .field { font-size: .8125rem; }
select.field { font: inherit; font-size: .8125rem; padding-right: .6rem; max-width: 100%; } .choice .field { height: 2.2rem; }
.choices > .field { height: 2.2rem; min-width: 12rem; } .choice input[type="number"] { width: 7rem; }
.filter-form .choice > span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.dataset-page .page-head ~ .tabs { margin-top: 1.1rem; } .tabs .number { font-weight: 400; color: var(--soft); }
.parts { display: grid; gap: 1.1rem; grid-template-columns: minmax(0, 1fr); } .parts:empty { display: none; }
.parts > * { min-width: 0; } .onward { margin-top: .8rem; }
.held-notice { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; margin-top: 1.1rem; padding: .7rem 1rem;
  border-radius: 10px; background: color-mix(in srgb, var(--amber) 11%, var(--panel));
  border: 1px solid color-mix(in srgb, var(--amber) 35%, transparent); }
.held-notice strong { font-weight: 620; overflow-wrap: anywhere; }
.notice-ways { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; }
.decide { display: flex; flex-wrap: wrap; gap: .6rem; } .fold { margin-top: .8rem; font-size: .8125rem; }
.fold summary { cursor: pointer; color: var(--soft); list-style: none; width: fit-content; }
.fold summary::before { content: "▸"; display: inline-block; width: 1rem; } .fold[open] summary::before { content: "▾"; }
.fold[open] summary { margin-bottom: .5rem; } .fold li { overflow-wrap: anywhere; }
.fold pre { margin: 0; padding: .8rem 1rem; border-radius: 8px; background: var(--wash); overflow: auto; max-height: 30rem;
  font: 500 .8125rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
"""

_PROFILES = """
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: 1.1rem; align-items: start; }
.column-card { display: grid; gap: .7rem; grid-template-columns: minmax(0, 1fr); }
.column-card h3 { margin: 0; font-size: .9375rem; font-weight: 620;
  line-height: 1.4; overflow-wrap: anywhere; }
.column-card .facts dd { white-space: normal; overflow-wrap: anywhere; }
.bars { display: block; width: 100%; height: 4rem; overflow: visible; border-bottom: 1px solid var(--hair); }
.bars rect { fill: color-mix(in srgb, var(--accent) 62%, var(--panel)); } .bars .field-of { fill: transparent; }
.bars .field-of:hover { fill: var(--wash); }
.ends { display: flex; justify-content: space-between; gap: .8rem; font-size: .75rem; color: var(--soft); margin-top: .2rem; }
.top { display: grid; gap: .3rem; font-size: .8125rem; margin: .2rem 0; }
.top li { display: grid; grid-template-columns: minmax(0, 9rem) minmax(2rem, 1fr) auto; gap: .6rem; align-items: center; }
.top .value { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .top .figure { min-width: 3rem; text-align: right; }
.aside-of .top { margin: .7rem 0 1rem; } .aside-of .top li { grid-template-columns: minmax(0, 24rem) minmax(2rem, 1fr) auto; }
.examples { display: flex; flex-wrap: wrap; gap: .25rem .4rem; font-size: .75rem; color: var(--soft); }
.examples code { background: var(--wash); padding: 0 .4rem; border-radius: 5px; font-size: .75rem; }
"""

_CHECKS = """
.squares { display: block; max-width: 100%; } .squares .kept { fill: color-mix(in srgb, var(--good) 45%, var(--panel)); }
.squares .skipped { fill: var(--hair); } .squares .broken { fill: var(--bad); }
.sparkline { display: block; } .sparkline polyline { stroke: var(--accent); stroke-width: 1.5; } .sparkline circle { fill: var(--accent); }
.observed { font-size: .75rem; color: var(--soft); } .listing.courses td, .listing.courses th { vertical-align: middle; }
.broken-list { display: grid; gap: 1rem; margin-top: .7rem; } .broken-list > li { display: grid; gap: .3rem; min-width: 0; }
.broken-list p, .broken-list li { overflow-wrap: anywhere; }
.broken-head { display: flex; flex-wrap: wrap; gap: .2rem .9rem; align-items: baseline; }
.broken-head .figure { margin-left: auto; } .versions, .promises, .courses, .checks, .differences, .aside-rows { margin-top: .8rem; }
.listing.promises td, .listing.checks td, .listing.differences td, .aside-rows td { white-space: normal; overflow-wrap: anywhere; }
.cells { display: flex; flex-wrap: wrap; gap: .15rem .9rem; } .cells > div { display: flex; gap: .35rem; min-width: 0; }
.cells dt { color: var(--soft); flex: none; max-width: 50%; overflow-wrap: anywhere; }
.cells dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.cells s { color: var(--soft); margin-right: .35rem; } .cells .repaired { color: var(--good); }
.aside-rows td:last-child, .aside-rows th { min-width: 8rem; } .aside-rows .button { margin-top: .4rem; }
.version-page .decide .button { padding: .45rem 1rem; }
@media (max-width: 640px) {
  .listing td[data-title]::before { margin-right: .35rem; }
  .dataset-page .facts.spread { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem 1rem; }
  .parts { gap: .75rem; } .columns { gap: .75rem; } .listing td.why { min-width: 0; } .choices > .field { min-width: 0; flex-basis: 100%; }
  .listing.differences td, .listing.promises td { white-space: normal; }
  .aside-of .top li { grid-template-columns: minmax(0, 1fr) 4rem auto; }
  .place { padding: .25rem .45rem; }
}
"""

DATA_STYLE = _LISTS + _PROFILES + _CHECKS
