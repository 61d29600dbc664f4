"""The whole page: one file, no request to anywhere, readable without scripts, in light, in dark and on paper."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from flyball.loop.report.chains import event_list
from flyball.loop.report.lanes import lanes_chart, lanes_legend
from flyball.loop.report.markup import Markup, element, joined, text
from flyball.loop.report.model import PolicyReport, Report, read_report
from flyball.loop.report.quality import quality_chart
from flyball.loop.report.script import SCRIPT
from flyball.loop.report.style import STYLE
from flyball.loop.report.tables import comparison, months, policy_months
from flyball.loop.report.words import count, days, figure, plural


def render_html(result: Mapping[str, Any]) -> str:
    """One self-contained page of a backtest's JSON; equal results give equal pages.

    Every text of the result is escaped, and the page's own policy lets no other script or style run than those two that
    are written here.

    Raises:
        KeyError: a policy has no name, a window no bounds, or an event no id or time.
        ValueError: a time is no ISO 8601 time.
    """
    report = read_report(result)
    return "<!doctype html>\n" + element("html", _head(report), element("body", _body(report)), lang="en") + "\n"


def _head(report: Report) -> Markup:
    policy = f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; base-uri 'none'; form-action 'none'"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", text(f"{report.model or report.project} · backtest")),
        element("style", Markup(STYLE)),
    )


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _body(report: Report) -> Markup:
    return joined(
        element("header", *_title(report)),
        element("main", *_sections(report)),
        element("footer", text("Made by flyball backtest. The same history, seed and versions give the same page.")),
        element("div", id="tip", role="status", hidden="hidden"),
        element("script", Markup(SCRIPT)),
    )


def _title(report: Report) -> list[Markup]:
    facts = [f"{days(report.start, report.end)} UTC", f"judged by {report.metric_label}"]
    facts += [f"seed {report.seed}"] if report.seed else []
    return [
        element("p", text(f"{report.project} · backtest"), class_="eyebrow"),
        element("h1", text(report.model or report.project)),
        element("p", text("  ·  ".join(facts)), class_="facts"),
    ]


def _sections(report: Report) -> list[Markup]:
    if not report.policies:
        return [element("p", text("The backtest ran no policy."), class_="lead")]
    return [
        element("p", text(setting(report)), class_="note"),
        element("p", text(verdict(report)), class_="lead"),
        element("div", *(_card(report, policy) for policy in report.policies), class_="cards"),
        _quality(report),
        _section("What the loop did", "Each mark leads to its event and the chain of causes.", lanes_chart(report), lanes_legend(report)),
        _section("Compared", None, comparison(report), months(report)),
        _section("Events and their causes", "Open an event to see what led to it, down to the rows that started it.",
                 *(_world(report, policy) for policy in report.policies)),
    ]  # fmt: skip


def verdict(report: Report) -> str:
    """The finding: every policy's mean and its price in retrains, in their order, then the best and how far it is ahead."""
    ranked = [policy for policy in report.policies if policy.mean is not None]
    if not ranked:
        return "No policy has a figure: no version ever answered in a window that can be judged."
    said = "; ".join(f"{policy.name} {figure(policy.mean)} with {plural(policy.retrains, 'retrain')}" for policy in ranked)
    first, *others = sorted(ranked, key=lambda policy: abs((policy.mean or 0.0) - (report.best or 0.0)))
    better = "greater" if report.greater_is_better else "smaller"
    ahead = " and ".join(f"{abs((first.mean or 0.0) - (policy.mean or 0.0)):.4f} ahead of {policy.name}" for policy in others)
    return f"Mean {report.metric_label}, {better} is better: {said}." + (f" {first.name} did best, {ahead}." if others else "")


def setting(report: Report) -> str:
    """What was done, for somebody who sees such a page for the first time."""
    policies = "one policy" if len(report.policies) == 1 else f"{len(report.policies)} policies"
    counted = [span.start for span in report.policies[0].months if span.counted and span.value is not None]
    over = ""
    if counted:
        first, last = min(counted), max(counted)
        months = f"{first:%B %Y}" if first == last else f"{first:%B %Y} to {last:%B %Y}"
        over = f" The means are over the months {months}." if first != last else f" The mean is over {months}."
    return (
        f"The same history was replayed under {policies} of retraining, by the code that runs live; "
        f"at each moment only what was known by then.{over}"
    )


def _card(report: Report, policy: PolicyReport) -> Markup:
    facts = [("Retrains", policy.retrains), ("Releases", policy.releases), ("Alarms", policy.alarms)]
    listed = [element("div", element("dt", text(name)), element("dd", text(count(number)))) for name, number in facts]
    return element(
        "section",
        element("h2", element("span", class_=f"swatch {policy.css}"), text(policy.name)),
        element("p", text(figure(policy.mean)), class_="big"),
        element("p", text(f"mean {report.metric_label}"), class_="under"),
        element("dl", *listed),
        class_=f"card {policy.css}{' best' if policy.mean is not None and policy.mean == report.best else ''}",
    )


def _quality(report: Report) -> Markup:
    weekly = any(policy.weeks for policy in report.policies)
    monthly = quality_chart(report, lambda policy: policy.months, class_="monthly")
    legend = element(
        "ul",
        *(element("li", element("span", class_=f"swatch {policy.css}"), text(policy.name)) for policy in report.policies),
        class_="legend",
    )
    heading = element("h2", text(f"{report.metric_label} over time"))
    if not weekly:
        return element("section", heading, legend, monthly, class_="figure")
    return element(
        "section",
        heading,
        element("input", type="radio", name="grain", id="by-month", class_="grain", checked="checked"),
        element("label", text("By month"), for_="by-month"),
        element("input", type="radio", name="grain", id="by-window", class_="grain"),
        element("label", text("By monitoring window"), for_="by-window"),
        legend,
        monthly,
        quality_chart(report, lambda policy: policy.weeks, class_="windows"),
        class_="figure",
    )


def _section(title: str, note: str | None, *parts: Markup) -> Markup:
    said = element("p", text(note), class_="note") if note else joined()
    return element("section", element("h2", text(title)), said, *parts, class_="figure")


def _world(report: Report, policy: PolicyReport) -> Markup:
    decisions = sum(event.decisive for event in policy.events)
    return element(
        "details",
        element(
            "summary",
            element("span", class_=f"swatch {policy.css}"),
            element("strong", text(policy.name)),
            element("span", text(f" {plural(decisions, 'decision')} among {plural(len(policy.events), 'event')}"), class_="under"),
        ),
        policy_months(report, policy),
        event_list(policy),
        class_="world",
    )
