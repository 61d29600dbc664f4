"""The page as a browser reads it: well-formed, self-contained, and deaf to hostile names."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from flyball.loop.report import render_html
from flyball.loop.report.script import SCRIPT
from flyball.loop.report.style import STYLE

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """Reads a page strictly: every element closed in order, every id once."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        named = dict(attrs)
        if (identity := named.get("id")) is not None:
            assert identity not in self.ids
            self.ids.add(identity)
        if (target := named.get("href")) is not None:
            assert target.startswith("#")
            self.links.add(target[1:])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_is_well_formed_and_every_link_has_its_place(result: dict[str, Any]) -> None:
    page = Page(render_html(result))
    assert page.links <= page.ids
    assert page.links


def test_equal_results_give_equal_pages(result: dict[str, Any]) -> None:
    assert render_html(result) == render_html(copy.deepcopy(result))


def test_names_never_become_markup(hostile: dict[str, Any]) -> None:
    page = Page(render_html(hostile))
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert any("<script>alert(1)</script>" in text for text in page.texts)
    assert not re.search("[\x00\u202e]", "".join(page.texts))


def test_nothing_is_fetched_from_anywhere(result: dict[str, Any]) -> None:
    text = render_html(result)
    page = Page(text)
    assert "//" not in text.replace("<!doctype", "")
    assert not {"link", "iframe", "img", "object", "embed", "base"} & set(page.tags)
    assert not [value for name, value in page.attributes if name in {"src", "srcset", "style", "action"}]
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_the_page_allows_its_own_script_and_style_alone(result: dict[str, Any]) -> None:
    policy = next(value or "" for name, value in Page(render_html(result)).attributes if name == "content")
    assert "default-src 'none'" in policy
    for source in (SCRIPT, STYLE):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'" in policy
    assert "unsafe" not in policy


def test_no_policy_is_said(result: dict[str, Any]) -> None:
    page = Page(render_html({**result, "policies": []}))
    assert "The backtest ran no policy." in page.texts


def test_a_policy_that_never_had_a_model_is_said(result: dict[str, Any]) -> None:
    for policy in result["policies"]:
        policy["mean_metric"] = None
        policy["weeks"] = []
        for window in policy["windows"]:
            window["metrics"] = {}
            window["events"] = []
    page = Page(render_html(result))
    assert any("no version ever answered" in text for text in page.texts)
    assert "Nothing happened." in page.texts


def test_the_least_that_a_result_must_hold_is_enough() -> None:
    month = {"start": "2013-01-01T00:00:00+00:00", "end": "2013-02-01T00:00:00+00:00", "rows": 5, "resolved": 5, "metrics": {}}
    Page(render_html({"policies": [{"name": "never", "retrains": 0, "mean_metric": None, "windows": [month]}], "timings": {}}))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_figures_that_cannot_be_drawn_are_missing(result: dict[str, Any], value: float) -> None:
    result["policies"][0]["windows"][1]["metrics"]["roc_auc"] = value
    result["policies"][0]["weeks"][0]["drift"] = value
    text = render_html(result)
    Page(text)
    assert not re.search(r"\b(nan|inf)\b", text)


def test_the_finding_is_told_first_and_the_better_way_is_respected(result: dict[str, Any]) -> None:
    result["policies"][0]["mean_metric"] = 0.75
    told = (
        "Mean ROC AUC, greater is better: never 0.7500 with 1 retrain; declared 0.7100 with 1 retrain. "
        "never did best, 0.0400 ahead of declared."
    )
    assert told in render_html(result)
    result["metric"] = "log_loss"
    told = "Mean log loss, smaller is better: never 0.7500 with 1 retrain; declared 0.7100 with 1 retrain. declared did best, 0.0400 ahead"
    assert told in render_html(result)


def test_a_handful_of_rows_does_not_bend_the_drawing(result: dict[str, Any]) -> None:
    stub = copy.deepcopy(result["policies"][0]["windows"][2])
    stub |= {"start": "2013-04-01T00:00:00+00:00", "end": "2013-05-01T00:00:00+00:00", "rows": 7}
    stub |= {"metrics": {"roc_auc": 0.5}, "intervals": {"roc_auc": [0.02, 0.98]}}
    result["policies"][0]["windows"].append(stub)
    page = Page(render_html(result))
    assert "0.02 to" not in page.texts
    assert "0.020 to 0.980" in page.texts
    assert not [text for text in page.texts if re.fullmatch(r"0\.[0-4]0?", text)]


def test_one_policy_alone_is_not_called_the_best(result: dict[str, Any]) -> None:
    result["policies"] = result["policies"][:1]
    text = render_html(result)
    assert "Mean ROC AUC, greater is better: never 0.7100 with 1 retrain.<" in text
    assert "did best" not in text


def test_a_month_that_is_no_part_of_the_mean_is_set_apart(result: dict[str, Any]) -> None:
    months = [window["start"] for window in result["policies"][0]["windows"]]
    for policy in result["policies"]:
        policy["mean_over"] = months[1:2]
    text = render_html(result)
    assert "The mean is over February 2013." in text
    assert "( ) is no part of the mean" in text
    assert re.search(r"<td>\(0\.\d{4}\)", text)
