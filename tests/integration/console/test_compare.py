"""Runs beside each other in a real browser: curves over one another, lines across axes, and differences."""

from __future__ import annotations

import pytest

from tests.integration.console.filled import HARM, Filled
from tests.integration.console.visiting import FITS, Visit

NAMES = ("calm-heron", "brisk-otter", "stout-finch")


@pytest.fixture
def address(filled: Filled) -> str:
    return f"/compare?runs={','.join(filled.runs[name] for name in NAMES)}"


def test_each_metric_has_one_chart_with_every_runs_curve(visit: Visit, address: str) -> None:
    visit.open(address)
    series = visit.chart("[data-metric=auc]")["series"]
    assert [each["name"] for each in series] == list(NAMES)
    assert len({each["lineStyle"]["color"] for each in series}) == 3
    assert series[0]["data"][-1][1] == pytest.approx(0.899479, abs=1e-6)
    assert visit.browser.one("h1").text == "3 runs compared"
    assert visit.browser.complaints() == []


def test_lines_run_across_all_in_which_the_runs_differ(visit: Visit, address: str) -> None:
    visit.open(address)
    chart = visit.chart(".parallel-plot")
    assert [axis["name"] for axis in chart["parallelAxis"]] == ["depth", "lr", "model", "auc", "loss", "rows"]
    assert [axis["type"] for axis in chart["parallelAxis"]] == ["value", "value", "category", "value", "value", "value"]
    assert [each["data"][0][:3] for each in chart["series"]] == [[4, 0.1, "gbdt"], [5, 0.01, "linear"], [6, 0.05, "gbdt"]]


def test_the_table_shows_differences_only_until_all_is_asked_for(visit: Visit, address: str) -> None:
    browser = visit.open(address)
    browser.one(".beside")
    rows = {row.text.split()[0]: row.text.split()[1:] for row in browser.all(".beside tbody tr:not(.group)")}
    assert rows["lr"] == ["0.1", "0.01", "0.05"]
    assert "seed" not in rows
    browser.one(".differences .tab", "All").click()
    browser.one(".beside tbody th", "seed")
    assert visit.address() == f"{address}&show=all"


def test_a_run_is_left_out_and_its_page_is_one_click_away(visit: Visit, filled: Filled, address: str) -> None:
    browser = visit.open(address)
    browser.one(".compared li", "brisk-otter").find_element("css selector", ".leave").click()
    browser.one("h1", "2 runs compared")
    assert visit.address() == f"/compare?runs={filled.runs['calm-heron']},{filled.runs['stout-finch']}"
    browser.one(".compared .run-link", "calm-heron").click()
    browser.until(lambda: visit.address() == f"/runs/{filled.runs['calm-heron']}")


def test_runs_that_are_not_there_are_told_and_the_others_are_shown(visit: Visit, filled: Filled) -> None:
    browser = visit.open(f"/compare?runs={filled.runs['calm-heron']},nobody")
    assert "nobody" in browser.one(".trouble").text
    browser.one("h1", "1 run")
    visit.open("/compare")
    assert browser.says("Choose two or more")


def test_names_that_are_meant_to_harm_are_text(visit: Visit, filled: Filled) -> None:
    browser = visit.open(f"/compare?runs={filled.runs['harmful']},{filled.runs['calm-heron']}")
    assert browser.one(".compared .run-link").text == HARM[:200]
    assert browser.says("{{ 7 * 7 }}")
    assert visit.chart(".parallel-plot")["series"]
    assert not visit.harmed()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_fits(visit: Visit, address: str, *, width: int, dark: bool) -> None:
    browser = visit.open(address, width=width, dark=dark)
    visit.chart("[data-metric=loss]")
    assert browser.run(FITS) == []
    lines = {each["lineStyle"]["color"] for each in visit.chart("[data-metric=auc]")["series"]}
    assert ("#8aabff" if dark else "#2f5bd0") in lines
