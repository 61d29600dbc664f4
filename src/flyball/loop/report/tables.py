"""The figures behind the drawings, for eyes, screen readers and copying."""

from __future__ import annotations

from collections.abc import Sequence

from flyball.loop.report.markup import Markup, element, joined, text
from flyball.loop.report.model import PolicyReport, Report, Span
from flyball.loop.report.words import NONE, count, difference, figure


def comparison(report: Report) -> Markup:
    """One row per policy: mean quality, what it is ahead or behind of the first, and what that took."""
    heads = ["Policy", f"Mean {report.metric_label}", "Against the best", "Retrains", "Releases", "Alarms", "Windows without figure"]
    rows = [_comparison_row(report, policy) for policy in report.policies]
    return _table(heads, rows, caption="The policies compared")


def _comparison_row(report: Report, policy: PolicyReport) -> Sequence[Markup]:
    best = report.best
    behind = NONE if policy.mean is None or best is None else "best" if policy.mean == best else difference(policy.mean - best)
    return [
        _name(policy),
        element("td", _strong(figure(policy.mean), emphasised=policy.mean is not None and policy.mean == best)),
        element("td", text(behind)),
        *(element("td", text(count(number))) for number in (policy.retrains, policy.releases, policy.alarms, policy.null_windows)),
    ]


def months(report: Report) -> Markup:
    """One row per month, one column per policy; the best of a month is set in bold."""
    starts = sorted({(span.start, span.end) for policy in report.policies for span in policy.months})
    heads = ["Month (UTC)", "Rows", "Resolved", *(policy.name for policy in report.policies)]
    rows = []
    for key in starts:
        spans = [next((span for span in policy.months if (span.start, span.end) == key), None) for policy in report.policies]
        rows.append(_month_row(report, spans, name=key[0].strftime("%B %Y")))
    aside = any(not span.counted and span.value is not None for policy in report.policies for span in policy.months)
    note = "; ( ) is no part of the mean: its labels are still to come, or a policy has no figure" if aside else ""
    return _table(heads, rows, caption=f"{report.metric_label} by month, with 95 % intervals{note}")


def _month_row(report: Report, spans: Sequence[Span | None], *, name: str) -> Sequence[Markup]:
    values = [span.value.value for span in spans if span is not None and span.value is not None and span.counted]
    best = (max(values) if report.greater_is_better else min(values)) if len(set(values)) > 1 else None
    known = next((span for span in spans if span is not None), None)
    return [
        element("th", text(name), scope="row"),
        element("td", text(count(known.rows if known else None))),
        element("td", text(_share(known))),
        *(_cell(span, best) for span in spans),
    ]


def _share(span: Span | None) -> str:
    if span is None or span.resolved is None or not span.rows:
        return NONE
    return f"{100 * span.resolved / span.rows:.1f} %"


def _cell(span: Span | None, best: float | None) -> Markup:
    if span is None or span.value is None:
        return element("td", text(NONE))
    value = span.value
    interval = joined()
    if value.low is not None and value.high is not None:
        interval = element("small", text(f"{value.low:.3f} to {value.high:.3f}"))
    if not span.counted:
        return element("td", text(f"({figure(value.value)})"), interval)
    return element("td", _strong(figure(value.value), emphasised=value.value == best), interval)


def policy_months(report: Report, policy: PolicyReport) -> Markup:
    """What one policy went through, month by month."""
    heads = ["Month (UTC)", report.metric_label, "Largest PSI", "Alarms", "Retrains", "Releases"]
    rows = [
        [
            element("th", text(span.start.strftime("%B %Y")), scope="row"),
            element("td", text(figure(span.value.value if span.value else None))),
            element("td", text(figure(span.psi, decimals=3) + (" ▲" if span.alarmed else ""))),
            *(element("td", text(count(number) if number else "·")) for number in (span.alarms, span.retrains, span.releases)),
        ]
        for span in policy.months
    ]
    return _table(heads, rows, caption=f"{policy.name} by month")


def _name(policy: PolicyReport) -> Markup:
    swatch = element("span", class_=f"swatch {policy.css}")
    note = element("small", text(policy.text)) if policy.text != policy.name else joined()
    return element("th", swatch, text(policy.name), note, scope="row")


def _strong(words: str, *, emphasised: bool) -> Markup:
    return element("strong", text(words)) if emphasised else text(words)


def _table(heads: Sequence[str], rows: Sequence[Sequence[Markup]], *, caption: str) -> Markup:
    head = element("thead", element("tr", *(element("th", text(word), scope="col") for word in heads)))
    body = element("tbody", *(element("tr", *cells) for cells in rows))
    table = element("table", element("caption", text(caption)), head, body)
    return element("div", table, class_="scroll", tabindex=0, role="group", aria_label=caption)
