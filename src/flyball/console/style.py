"""The page's look. Colours are named by what they stand for and have a light and a dark value; no file is fetched but our own."""

from __future__ import annotations

from flyball.console.palette import DARK, LIGHT, Palette


def _colours(colours: Palette) -> str:
    return (
        f"--ink:{colours.ink};--soft:{colours.soft};--faint:{colours.faint};--hair:{colours.hair};--panel:{colours.panel};"
        f"--accent:{colours.accent};--warn:{colours.warn};--bar:{colours.bar};--band:{colours.band};--wash:{colours.wash};"
    )


COLOURS = f"""
:root {{ {_colours(LIGHT)} --paper: #f6f6f4; --rule: #d8dad5; --good: #1d7a4f; --amber: #a76800; --bad: #b3261e; --on-accent: #ffffff;
  --tint: #eef2fc; --danger: #b3261e; --shadow: 0 1px 2px rgb(20 24 32 / .04), 0 8px 28px rgb(20 24 32 / .10);
  --lift: 0 1px 2px rgb(20 24 32 / .03); }}
:root[data-theme="dark"] {{ {_colours(DARK)} --paper: #121418; --rule: #363b44; --good: #6fce9f; --amber: #e9b15c; --bad: #ff8a80;
  --on-accent: #0f1320; --tint: #1f2738; --danger: #ff8a80; --shadow: 0 1px 2px rgb(0 0 0 / .4), 0 10px 32px rgb(0 0 0 / .45);
  --lift: none; }}
"""

FRAME = """
html, body { background: var(--paper); color: var(--ink); }
body { margin: 0; font: 400 .875rem/1.5 -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%; -webkit-font-smoothing: antialiased; }
*, *::before, *::after { box-sizing: border-box; }
h2, h4, p, dl, dd, ol, ul { margin: 0; padding: 0; } ol, ul { list-style: none; }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.nicegui-content { padding: 0; gap: 0; align-items: stretch; width: 100%; }
.q-layout, .q-page { min-height: 0 !important; }
.bar { position: sticky; top: 0; z-index: 20; display: flex; align-items: center; justify-content: space-between; gap: .5rem 1.5rem;
  padding: .7rem max(1.5rem, calc((100vw - 92rem) / 2)); background: color-mix(in srgb, var(--panel) 88%, transparent);
  backdrop-filter: saturate(1.6) blur(14px); border-bottom: 1px solid var(--hair); }
.bar-left, .bar-right { display: flex; align-items: center; gap: .9rem; min-width: 0; }
.bar-right { gap: 1rem; flex: none; }
.brand { display: flex; align-items: center; gap: .55rem; color: inherit; text-decoration: none; font-weight: 650;
  letter-spacing: -.012em;
  font-size: 1rem; }
.brand .mark { width: 1.5rem; height: 1.5rem; color: var(--accent); }
.project { color: var(--soft); padding-left: .9rem; border-left: 1px solid var(--rule); white-space: nowrap; }
.model-name { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.project + .model-name::before { content: "/"; color: var(--faint); font-weight: 400; margin-right: .9rem; }
.tabs { display: flex; gap: .2rem; overflow-x: auto; }
.tab { padding: .25rem .7rem; border-radius: 999px; color: var(--soft); text-decoration: none; white-space: nowrap; }
.tab:hover { background: var(--wash); } .tab[aria-current] { background: var(--tint); color: var(--accent); font-weight: 600; }
.face { display: flex; align-items: baseline; gap: .45rem; white-space: nowrap; min-height: 1.3rem; }
.clock-time { font-weight: 620; font-size: 1rem; letter-spacing: -.005em; } .clock-day, .face .unit { color: var(--soft); }
.face .unit { font-size: .75rem; }
.pace { padding: .15rem .55rem; border-radius: 999px; background: var(--wash); color: var(--soft); font-size: .75rem;
  white-space: nowrap; }
.icon-button { display: grid; place-items: center; width: 2rem; height: 2rem; border-radius: 8px; color: var(--soft); }
.icon-button:hover { background: var(--wash); color: var(--ink); }
.notice-place:empty, .strip:empty { display: none; }
.notice { display: flex; align-items: baseline; gap: .7rem; margin: 1.1rem auto 0; max-width: 92rem; width: calc(100% - 3rem);
  padding: .7rem 1rem;
  border-radius: 10px; background: color-mix(in srgb, var(--amber) 11%, var(--panel));
  border: 1px solid color-mix(in srgb, var(--amber) 35%, transparent); }
.notice strong { font-weight: 620; } .notice p { overflow-wrap: anywhere; min-width: 0; }
.dot { flex: none; display: inline-block; width: .5rem; height: .5rem; border-radius: 50%; background: var(--faint); }
.dot.good { background: var(--good); } .dot.warn { background: var(--amber); } .dot.bad { background: var(--bad); }
.dot.work { background: var(--accent); animation: breathe 1.6s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: .35; } }
.strip { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); margin: 1.1rem auto 0; max-width: 92rem;
  width: calc(100% - 3rem);
  background: var(--panel); border: 1px solid var(--hair); border-radius: 12px; box-shadow: var(--lift); overflow: hidden; }
.cell { display: grid; gap: .3rem; padding: .65rem 1.1rem .7rem; border-left: 1px solid var(--hair); margin-left: -1px; min-width: 0; }
.who { display: flex; align-items: center; justify-content: space-between; gap: .5rem; min-width: 0; }
.name { display: flex; align-items: center; gap: .5rem; font-weight: 580; white-space: nowrap; }
.ill { font-size: .75rem; color: var(--soft); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.ill.warn { color: var(--amber); } .ill.bad { color: var(--bad); }
.cell { grid-template-columns: repeat(2, minmax(0, 1fr)); column-gap: 1rem; } .who { grid-column: 1 / -1; }
.strip.stale { opacity: .6; } .strip.stale .dot { background: var(--faint); }
.meter { display: grid; grid-template-columns: auto minmax(1rem, 1fr) auto; align-items: center; gap: .45rem; font-size: .75rem;
  color: var(--soft); min-width: 0; }
.meter .value { color: var(--ink); white-space: nowrap; } .cell > .meter:only-of-type, .cell .meter.whole { grid-column: 1 / -1; }
.track { display: block; height: 6px; border-radius: 3px; background: var(--hair); overflow: hidden; }
.track.thin { height: 4px; } .track > span { display: block; height: 100%; border-radius: inherit; background: var(--accent);
  transition: width .4s; }
.track.thin > span { background: var(--faint); } .track.bad > span { background: var(--bad); }
.board { display: grid; grid-template-columns: minmax(0, 1fr) minmax(20rem, 27rem); gap: 1.1rem; align-items: start;
  margin: 1.1rem auto 0;
  max-width: 92rem; width: calc(100% - 3rem); }
.board-main { display: grid; gap: 1.1rem; min-width: 0; } .board-side { min-width: 0; position: sticky; top: 4.6rem; }
.panel { padding: 1.15rem 1.35rem 1.25rem; background: var(--panel); border: 1px solid var(--hair); border-radius: 12px;
  box-shadow: var(--lift); min-width: 0; }
.panel h2 { font-size: .9375rem; font-weight: 620; letter-spacing: -.008em; line-height: 1.4; }
.panel-head { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: .25rem 1.25rem; }
.panel-note { color: var(--soft); overflow-wrap: anywhere; }
.foot { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .5rem; margin: 1.4rem auto 2rem; max-width: 92rem;
  width: calc(100% - 3rem);
  color: var(--faint); font-size: .75rem; }
.foot form { margin: 0; } .link { color: var(--soft); text-decoration: underline; text-decoration-color: var(--rule);
  text-underline-offset: 3px; }
"""

CARDS = """
.cards { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1.1rem; }
.card { display: flex; flex-direction: column; justify-content: space-between; gap: 1rem; }
.card > div:first-child { display: flex; flex-direction: column; gap: .8rem; min-width: 0; }
.card-head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 .75rem; }
.card-head .aside { color: var(--soft); font-size: .8125rem; }
.big { font-size: 2.5rem; line-height: 1; font-weight: 600; letter-spacing: -.035em; } .big .v { color: var(--faint); font-weight: 400;
  margin-right: .06em; }
.canary .big { color: var(--accent); }
.bar-line { display: grid; gap: .4rem; } .said { color: var(--soft); font-size: .8125rem; }
.champion .track > span { background: var(--ink); } .loop .track > span { background: var(--faint); }
.facts { display: grid; gap: .42rem; padding-top: .85rem; border-top: 1px solid var(--hair); font-size: .8125rem; }
.facts > div { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 .75rem; min-width: 0; }
.facts dt { color: var(--soft); } .facts dd { margin-left: auto; font-weight: 560; text-align: right; white-space: nowrap; }
.stages { display: grid; gap: .55rem; } .steps { display: flex; gap: 4px; }
.steps li { flex: 1; display: grid; gap: .3rem; font-size: .75rem; color: var(--faint); min-height: 6px; }
.step { display: block; height: 6px; border-radius: 3px; background: var(--hair); }
.steps .done .step { background: color-mix(in srgb, var(--accent) 45%, var(--panel)); } .steps .now .step { background: var(--accent); }
.steps .now { color: var(--accent); font-weight: 620; }
.state { display: flex; align-items: center; gap: .6rem; font-size: 1.125rem; font-weight: 600; letter-spacing: -.012em;
  min-height: 2.5rem; }
.empty { color: var(--soft); } .empty strong { display: block; color: var(--ink); font-weight: 600; margin-bottom: .15rem; }
.card .empty { padding: .4rem 0 .25rem; } .empty.tall { padding: 2.75rem 1rem; text-align: center; }
.card-buttons { display: flex; gap: .5rem; } .card-buttons .button { flex: 1; }
.button { display: inline-block; padding: .48rem 1rem; border-radius: 8px; font-weight: 580; font-size: .8125rem; text-align: center;
  border: 1px solid transparent;
  transition: background .12s, border-color .12s; white-space: nowrap; }
.button.plain { border-color: var(--rule); background: var(--panel); } .button.plain:hover { background: var(--wash); }
.button.main { background: var(--accent); color: var(--on-accent); }
  .button.main:hover { background: color-mix(in srgb, var(--accent) 88%, var(--ink)); }
.button.danger { background: var(--danger); } .button.danger:hover { background: color-mix(in srgb, var(--danger) 88%, var(--ink)); }
.button[disabled] { opacity: .55; cursor: progress; }
.past { display: grid; gap: .42rem; padding-top: .85rem; border-top: 1px solid var(--hair); font-size: .8125rem; }
.past li { display: flex; justify-content: space-between; gap: 1rem; } .past time { color: var(--soft); white-space: nowrap; }
.past .name { font-weight: 560; gap: .6rem; } .past h3 { margin: 0; font-size: .8125rem; font-weight: 400; line-height: 1.5;
  color: var(--soft); }
.skeleton { border-radius: 6px; height: .9rem; background: var(--hair); animation: breathe 1.6s ease-in-out infinite; margin: .35rem 0; }
.skeleton.tall { height: 2.4rem; width: 40%; } .skeleton.line:last-child { width: 70%; }
"""

CHARTS = """
.plot { height: 17rem; width: 100%; margin-top: .35rem; } .drift-plot { height: 11.5rem; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; color: var(--soft); font-size: .75rem; }
.legend li { display: flex; align-items: center; gap: .4rem; white-space: nowrap; }
.swatch { display: inline-block; width: 1.1rem; height: 0; border-top: 2px solid var(--accent); }
.swatch.line { height: 8px; border-top: 0;
  background: linear-gradient(var(--accent), var(--accent)) center / 100% 2px no-repeat, var(--band); border-radius: 2px; }
.swatch.dashes { border-top: 2px dashed var(--faint); } .swatch.dots { border-top: 2px dotted var(--warn); }
.swatch.upright { width: 0; height: 11px; border: 0; border-left: 1.5px solid var(--soft); }
.swatch.upright.fine { border-left: 1.5px dotted var(--faint); }
.swatch.area { height: 9px; border: 0; background: color-mix(in srgb, var(--ink) 9%, transparent); border-radius: 2px; }
.swatch.column { width: .5rem; height: 9px; border: 0; border-radius: 2px 2px 0 0; background: var(--bar); }
  .swatch.column.warn { background: var(--warn); }
.tip { padding: .7rem .85rem; max-width: 21rem; white-space: normal; font-size: .8125rem; line-height: 1.45; }
.tip h4 { font-size: .8125rem; font-weight: 620; margin-bottom: .3rem; line-height: 1.4; letter-spacing: 0; }
.tip dl > div { display: grid; grid-template-columns: minmax(4.2rem, auto) 1fr; gap: .8rem; }
.tip dt { color: var(--soft); } .tip dd { font-weight: 560; text-align: right; overflow-wrap: anywhere; }
"""

TIMELINE = """
.timeline { display: flex; flex-direction: column; max-height: calc(100vh - 5.9rem); padding: 0; overflow: hidden; }
.timeline > div:first-child { padding: 1.15rem 1.35rem 0; }
.chips { display: flex; flex-wrap: wrap; gap: .3rem; padding: .7rem 1.35rem .85rem; border-bottom: 1px solid var(--hair); }
.chip { padding: .16rem .65rem; border-radius: 999px; border: 1px solid var(--rule); color: var(--soft); font-size: .75rem;
  line-height: 1.5; }
.chip:hover { border-color: var(--faint); }
.chip[aria-pressed="true"] { background: var(--tint); border-color: transparent; color: var(--accent); font-weight: 580;
  box-shadow: inset 0 0 0 1px transparent; }
.events { overflow-y: auto; overscroll-behavior: auto; min-height: 0; padding: .35rem 0; scrollbar-width: thin;
  scrollbar-color: var(--rule) transparent; }
.event { position: relative; }
.event::before { content: ""; position: absolute; left: calc(1.35rem + 10.5px); top: 0; bottom: 0; width: 1px; background: var(--hair); }
.event:first-child::before { top: 1.1rem; }
.entry { position: relative; display: block; width: 100%; padding: .55rem 1.35rem .6rem calc(1.35rem + 2.15rem); }
.entry:hover { background: var(--wash); } .entry:focus-visible { outline-offset: -2px; }
.bead { position: absolute; left: 1.35rem; top: .5rem; display: grid; place-items: center; width: 22px; height: 22px;
  border-radius: 50%; --tone: var(--soft);
  color: var(--tone); background: color-mix(in srgb, var(--tone) 12%, var(--panel)); box-shadow: 0 0 0 3px var(--panel); }
.work > .entry .bead, li.work > .bead { --tone: var(--accent); } .good > .entry .bead, li.good > .bead { --tone: var(--good); }
.warn > .entry .bead, li.warn > .bead { --tone: var(--warn); } .bad > .entry .bead, li.bad > .bead { --tone: var(--bad); }
.entry-head, .link-head { display: flex; align-items: baseline; gap: .5rem; }
.label { font-weight: 600; min-width: 0; } .warn > .entry .label { color: var(--warn); } .bad > .entry .label { color: var(--bad); }
.entry time, .link-head time { margin-left: auto; color: var(--faint); font-size: .75rem; white-space: nowrap; }
.actor { padding: 0 .45rem; border-radius: 999px; background: var(--tint); color: var(--accent); font-size: .75rem; white-space: nowrap; }
.actor.of { background: var(--wash); color: var(--soft); }
.sentence { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; color: var(--soft);
  font-size: .8125rem;
  overflow-wrap: anywhere; }
.entry[aria-expanded="true"] .sentence, .chain .sentence { -webkit-line-clamp: none; display: block; }
.chain { position: relative; margin: 0 1.35rem .7rem calc(1.35rem + 2.15rem); padding: .7rem .9rem .75rem; max-height: 26rem;
  overflow-y: auto;
  scrollbar-width: thin; scrollbar-color: var(--rule) transparent; background: var(--paper); border-radius: 8px;
  border: 1px solid var(--hair); }
.because { color: var(--soft); font-size: .75rem; margin-bottom: .35rem; }
.chain li { position: relative; padding: .3rem 0 .35rem 1.75rem; } .chain li .bead { left: 0; top: .35rem; width: 18px; height: 18px;
  box-shadow: none; }
.chain li .bead svg { width: 10px; height: 10px; }
.chain li:not(:last-child)::before { content: ""; position: absolute; left: 8.5px; top: 1.6rem; bottom: -.3rem; width: 1px;
  background: var(--rule); }
.chain .label { font-size: .8125rem; } .chain-note { color: var(--soft); font-size: .8125rem; } .chain-note.bad { color: var(--bad); }
.identity { margin-top: .45rem; }
  .identity code { font: 400 .6875rem ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  color: var(--faint); overflow-wrap: anywhere; user-select: all; }
.timeline-empty { padding: 2.5rem 1.35rem; text-align: center; color: var(--soft); } .timeline-empty strong { color: var(--ink);
  font-weight: 600; }
.more { margin: .6rem 1.35rem 1rem; flex: none; }
"""

DIALOG = """
.sheet { width: min(31rem, calc(100vw - 2rem)); max-width: none !important; padding: 1.5rem 1.6rem 1.4rem;
  background: var(--panel) !important; color: var(--ink);
  border-radius: 14px !important; border: 1px solid var(--hair); box-shadow: var(--shadow) !important; display: grid; gap: .9rem; }
.sheet h2 { font-size: 1.125rem; font-weight: 620; letter-spacing: -.012em; line-height: 1.35; margin-bottom: .35rem; }
  .sheet p { color: var(--soft); }
.told p { color: var(--soft); } .told p.bad { color: var(--bad); } .told p.good { color: var(--good); } .told:empty { display: none; }
.sheet-buttons { display: flex; justify-content: flex-end; gap: .5rem; margin-top: .2rem; }
.reason .q-field__control { border-radius: 8px; } .reason { width: 100%; }
.q-dialog__backdrop { background: rgb(10 12 16 / .45) !important; }
.nicegui-error-popup { background: var(--panel); color: var(--ink); border: 1px solid var(--rule); border-radius: 10px;
  box-shadow: var(--shadow); }
"""

NARROW = """
@media (max-width: 1440px) { .board { grid-template-columns: minmax(0, 1fr) 24rem; } }
@media (max-width: 1280px) {
  .cell { grid-template-columns: minmax(0, 1fr); align-content: start; }
  .board { grid-template-columns: minmax(0, 1fr); } .board-side { position: static; } .timeline { max-height: none; }
  .events { overflow: visible; }
}
@media (max-width: 860px) { .cards { grid-template-columns: minmax(0, 1fr); }
  .strip { grid-template-columns: repeat(2, minmax(0, 1fr)); } .cell:nth-child(n + 3) { border-top: 1px solid var(--hair); } }
@media (max-width: 640px) {
  .bar { flex-wrap: wrap; padding: .6rem 1rem; position: static; } .bar-left { flex: 1 1 100%; } .bar-right { flex: 1 1 100%;
  gap: .6rem; }
  .bar-right > :last-child { margin-left: auto; }
  .board, .strip, .notice, .foot { width: calc(100% - 1.5rem); } .board, .board-main, .cards { gap: .75rem; }
  .board, .strip, .notice { margin-top: .75rem; }
  .panel { padding: 1rem 1rem 1.1rem; } .timeline { padding: 0; } .timeline > div:first-child { padding: 1rem 1rem 0; }
  .chips { padding: .7rem 1rem .85rem; }
  .cell { padding: .6rem .9rem; }
  .entry { padding-right: 1rem; } .plot { height: 14rem; }
  .drift-plot { height: 10rem; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
"""

STYLE = COLOURS + FRAME + CARDS + CHARTS + TIMELINE + DIALOG + NARROW
