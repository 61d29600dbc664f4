"""The text of a scaffolded project file, in the public face that a person would write."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from textwrap import dedent, indent

from flyball.core.duration import format_duration
from flyball.data.csvplan import CsvPlan, quoted, slug

_WIDTH = 100


def render(plan: CsvPlan, *, name: str, delay: timedelta, train: str = "") -> str:
    """The project file of `plan`: valid Python, the same for the same plan; `train` is the text of a function of that name, or nothing."""
    key, time, known = quoted(plan.key), quoted(plan.time), quoted(format_duration(delay))
    lengths, metric = plan.lengths, "roc_auc" if plan.label.binary else "rmse"
    head = f'''\
        """Predict {_plain(plan.label_column)} of each row at its time {_plain(plan.time)}. Made by `flyball init`; yours to change."""

        import polars as pl

        import flyball as fb

        rows = fb.Dataset("rows", fb.files("data/rows"), key={key}, event_time={time})
        labels = fb.Dataset(
            "labels", fb.files("data/labels"), key={key}, event_time={time}, known_after={known}
        )
        '''
    model = f"""\
        model = fb.Model(
            {quoted(slug(plan.label_column))},
            rows=rows,
            lead="0s",  # predicted at the row's own time
            label=fb.label(labels, {plan.label.expression}, timeout={quoted(format_duration(delay + timedelta(days=1)))}),
            features=[
        <features>
            ],
            train=fb.search(metric={quoted(metric)}, trials=8, seed=0),
            history={quoted(lengths.history)},  # the first training waits for so much
            holdout={quoted(lengths.holdout)},
            window={quoted(lengths.window)},
            cool_down={quoted(lengths.cool_down)},
            gates=[fb.beats_champion()],  # add fb.at_least({quoted(metric)}, ...) when you know what is good enough
            rollout=fb.canary([0.25, 1.0], hold={quoted(lengths.hold)}),
            monitors=[fb.drift(false_alarms={quoted(lengths.alarms)}), fb.performance(), fb.quality()],
            retrain=[fb.on_drift(), fb.on_performance_drop({plan.label.drop!r}), fb.every({quoted(lengths.every)})],
        )
        project = fb.Project({quoted(name)}, models=[model])
        """
    if not plan.label.binary:
        model = model.replace("fb.at_least(", "fb.at_most(")
    if train:
        search = f"train=fb.search(metric={quoted(metric)}, trials=8, seed=0),"
        model = model.replace(search, f"train=train,\n            metric={quoted(metric)},")
    written = dedent(model).replace("<features>", indent(_features(plan), " " * 8))
    parts = [dedent(head), _skipped(plan), _calendar(plan), train and f"\n{train}\n", written]
    return "\n".join(part for part in parts if part)


def _features(plan: CsvPlan) -> str:
    lines = []
    if plan.features:
        names = ", ".join(quoted(name) for name in plan.features)
        long = ["rows[", *(f"    {line}" for line in _filled(quoted(name) + "," for name in plan.features)), "],"]
        lines += long if len(names) > _WIDTH else [f"rows[{names}],"]
    if plan.calendar:
        lines.append("calendar,")
    return "\n".join(lines)


def _filled(words: Iterable[str]) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and len(lines[-1]) + len(word) > _WIDTH:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _skipped(plan: CsvPlan) -> str:
    lines = [f"#   {_plain(column)}: {why}" for column, why in plan.skipped.items()]
    return "\n".join(["# Columns that are no features as they stand:", *lines, ""]) if lines else ""


def _calendar(plan: CsvPlan) -> str:
    if not plan.calendar:
        return ""
    parts = ", ".join(f'"{part}": moment.dt.{part}()' for part in plan.calendar)
    return dedent(f"""\

        @fb.on_demand  # arguments bind to the rows' columns by name
        def calendar({plan.time}: pl.Expr) -> dict[str, pl.Expr]:
            moment = {plan.time}.cast(pl.Datetime("us", "UTC"))
            return {{{parts}}}

        """)


def _plain(text: str) -> str:
    """The text as it may stand in a comment or a docstring."""
    return " ".join(text.split()).replace("\\", "/").replace('"', "'")
