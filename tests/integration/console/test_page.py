"""The page in a real browser, on recorded answers of a year of flights: what a person sees, clicks and is told."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from selenium.webdriver import ActionChains, Keys

from tests.browser.chromium import Browser
from tests.integration.console.conftest import ConsoleProcess
from tests.integration.console.standin import StandIn

FITS = """
const found = [];
if (document.documentElement.scrollWidth > wide) found.push('the page scrolls to the side');
for (const item of document.querySelectorAll('.panel, .cell, .bar > *, .plot svg, .facts dd, .entry, .notice, .meter .value'))
  if (item.getBoundingClientRect().right > wide + 0.5) found.push('outside: ' + item.className);
for (const item of document.querySelectorAll('.cell, .card, .facts > div'))
  if (item.scrollWidth > item.clientWidth + 1) found.push('clipped: ' + item.textContent);
return found;
"""
"""What does not fit into a page of that width, in words."""


def option(browser: Browser, chart: str) -> dict[str, Any]:
    """The option that ECharts holds for a chart of the page."""
    script = "const found = document.querySelector(arguments[0]); return getElement(Number(found.id.slice(1))).chart.getOption()"
    found: dict[str, Any] = browser.until(lambda: browser.run(script, f".{chart}-plot"))
    return found


def series(browser: Browser, chart: str, *, name: str) -> dict[str, Any]:
    return next(found for found in option(browser, chart)["series"] if found["name"] == name)


def test_the_link_leads_to_the_page_and_its_code_leaves_the_address(browser: Browser, console: ConsoleProcess) -> None:
    assert browser.chrome.current_url == f"{console.url}/"
    assert browser.says("late-arrival")
    assert browser.complaints() == []


def test_the_head_tells_project_model_and_time(browser: Browser) -> None:
    assert [browser.one(css).text for css in (".project", ".model-name")] == ["flights", "late-arrival"]
    assert browser.one("#clock-day").text == "26 Nov 2013"
    first = browser.one("#clock-time").text
    assert first.startswith("08:00:0")
    browser.until(lambda: browser.one("#clock-time").text != first)
    assert [cell.text.split("\n")[0] for cell in browser.all(".strip .cell")] == ["Control plane", "Model server", "Console", "Disk"]
    assert "318 MB" in browser.one(".strip .cell", "Control plane").text


def test_champion_and_canary_say_what_they_answer(browser: Browser) -> None:
    champion, canary = browser.one(".card.champion").text, browser.one(".card.canary").text
    for words in ("since 28 Aug 2013", "75% of the traffic", "0.7452", "1,894", "2.4 ms / 7.9 ms"):
        assert words in champion
    for words in ("Stage 2 of 3, 25% of the traffic", "Next judgement in 1", "631", "2.6 ms / 8.3 ms"):
        assert words in canary


def test_the_charts_hold_every_window_with_interval_expectation_and_threshold(browser: Browser, control: StandIn) -> None:
    windows = control.scene["windows"]["windows"]
    metric = [point["value"][1] for point in series(browser, "quality", name="roc_auc")["data"]]
    assert metric == [window["metrics"]["roc_auc"]["value"] for window in windows]
    lows = [low for _, low in series(browser, "quality", name="low")["data"]]
    widths = [width for _, width in series(browser, "quality", name="interval")["data"]]
    assert [low + width for low, width in zip(lows, widths, strict=True)] == pytest.approx(
        [w["metrics"]["roc_auc"]["high"] for w in windows]
    )
    assert [level for _, level in series(browser, "quality", name="expected")["data"]][::2] == [window["expected"] for window in windows]
    assert [level for _, level in series(browser, "quality", name="threshold")["data"]][::2] == [window["threshold"] for window in windows]
    bars = series(browser, "drift", name="drift")["data"]
    assert [bar["value"][1] for bar in bars] == [window["drift"]["score"] for window in windows]
    colours = {bar["itemStyle"]["color"] for bar, window in zip(bars, windows, strict=True) if window["drift"]["alarmed"]}
    assert len(colours) == 1
    assert [bar["label"]["show"] for bar in bars] == [window["drift"]["alarmed"] for window in windows]


def test_both_charts_mark_trainings_and_releases(browser: Browser, control: StandIn) -> None:
    happened = [event for event in control.events if event["type"] in {"training.started", "rollout.finished"}]
    for chart in ("quality", "drift"):
        marks = series(browser, chart, name="windows")["markLine"]["data"]
        assert len(marks) == len(happened)
        assert [mark["name"] for mark in marks].count("training began") == 10
        assert {mark["label"]["formatter"] for mark in marks} >= {"v1", "v2", "v4", "v5", "v6", "v7"}


def test_pointing_at_a_window_tells_its_figures(browser: Browser) -> None:
    ActionChains(browser.chrome).move_to_element(browser.one(".quality-plot")).perform()
    tip = browser.one(".tip").text
    assert "roc_auc" in tip
    assert "with a known outcome" in tip
    assert "expected" in tip


def test_a_window_without_labels_is_shown_as_waiting(browser: Browser, control: StandIn) -> None:
    assert series(browser, "quality", name="windows")["markArea"]["data"] == []
    control.advance()
    browser.until(lambda: len(series(browser, "quality", name="windows")["markArea"]["data"]) == 1)
    assert "waiting for labels" in series(browser, "quality", name="windows")["data"][-1]["tip"]
    assert browser.says("labels still coming")
    assert len(series(browser, "drift", name="drift")["data"]) == len(control.scene["windows"]["windows"])


def test_the_timeline_tells_the_newest_first_with_label_time_and_sentence(browser: Browser, control: StandIn) -> None:
    told = [entry.text.split("\n") for entry in browser.all(".event .entry")[:3]]
    assert told[0] == ["Rollout judged: hold", "26 Nov 2013, 00:00", "169 mature rows of 200; waiting for more, 3 holds at most."]
    assert told[1] == ["Rollout stage", "25 Nov 2013, 00:00", "Version 10 takes 25% of the rows"]
    assert not any("Timer fired" in entry.text for entry in browser.all(".event .entry"))
    assert control.events[-1]["id"] == browser.all(".event")[0].get_attribute("data-id")


def test_kinds_can_be_left_out_and_earlier_events_asked_for(browser: Browser) -> None:
    assert len(browser.all(".event")) == 60
    browser.one("button.more").click()
    browser.until(lambda: len(browser.all(".event")) == 120)
    for kind in ("training", "releases", "windows", "data", "system"):
        browser.one(f".chip[data-kind={kind}]").click()
    browser.until(lambda: all("alarm" in item.text or "held back" in item.text for item in browser.all(".event .label")))
    assert browser.one(".chip[data-kind=training]").get_attribute("aria-pressed") == "false"
    browser.one(".chip[data-kind=alarms]").click()
    assert browser.says("Nothing here yet")


def test_an_event_opens_into_its_causes_down_to_the_first(browser: Browser, control: StandIn) -> None:
    chosen = next(event for event in reversed(control.events) if event["type"] == "training.started")
    entry = browser.one(f'.event[data-id="{chosen["id"]}"] .entry')
    entry.click()
    chain = browser.one(f'.event[data-id="{chosen["id"]}"] .chain', "Because of")
    known = {event["id"]: event for event in control.events}
    expected, cause = [], chosen["cause"]
    while cause in known:
        expected.append(known[cause])
        cause = known[cause]["cause"]
    links = browser.until(lambda: browser.all(f'.event[data-id="{chosen["id"]}"] .chain li'))
    assert len(links) == len(expected) > 2
    assert "Performance alarm" in links[0].text
    assert f"flyball why {chosen['id']}" in chain.text
    assert entry.get_attribute("aria-expanded") == "true"
    control.happen(type="alert.raised", text="drift alert: something moved", data={"kind": "drift"})
    browser.one(".event .entry", "Something moved")
    assert chain.is_displayed(), "what a reader has opened stays open while events come"
    entry.click()
    browser.until(lambda: not chain.is_displayed())


def test_a_new_event_and_new_figures_come_by_themselves(browser: Browser, control: StandIn) -> None:
    control.happen(type="alert.raised", text="drift alert: the wind has turned", data={"kind": "drift"}, actor="tester")
    assert browser.says("The wind has turned", 60)
    assert browser.all(".event .actor")[0].text == "by tester"
    control.advance()
    assert browser.says("No rollout in progress", 60)
    assert browser.one(".card.champion .big").text == "v10"
    browser.until(lambda: browser.one("#clock-day").text == "28 Nov 2013")


def test_promoting_asks_says_what_happens_wants_a_reason_and_tells_the_outcome(browser: Browser, control: StandIn) -> None:
    browser.one(".card.canary .button", "Promote").click()
    sheet = browser.one(".sheet", "Promote version 10")
    assert "answers every request at late-arrival" in sheet.text
    browser.one(".sheet .button.main").click()
    assert browser.says("Write a reason")
    assert control.posted == []
    browser.one(".sheet textarea").send_keys("  The holiday is near & v7 is tired <b>  ")
    browser.one(".sheet .button.main").click()
    assert browser.says("Version 10 is champion.")
    assert control.posted == [("/api/v1/endpoints/late-arrival/promote", {"version": 10, "why": "The holiday is near & v7 is tired <b>"})]
    assert control.promoters == ["session"]  # in the visitor's name, not in the console's own
    browser.one(".sheet .button.plain", "Close").click()
    browser.until(lambda: not any(item.is_displayed() for item in browser.all(".sheet")))
    assert "tired <b>" in browser.one(".event .entry", "by hand").text


def test_who_may_not_release_sees_no_buttons_for_it(browser: Browser, control: StandIn) -> None:
    browser.until(lambda: any(item.is_displayed() for item in browser.all(".card .button")))
    control.permissions = ["read"]
    before = control.asked.count("GET /api/v1/sessions")
    browser.run("location.reload()")
    browser.until(lambda: control.asked.count("GET /api/v1/sessions") > before)
    assert browser.says("Champion")
    assert not any(item.is_displayed() for item in browser.all(".card .button"))


def test_a_refusal_is_a_sentence_and_cancelling_does_nothing(browser: Browser, control: StandIn) -> None:
    control.refusal = "Version 10 may not answer: its gates failed."
    browser.one(".card.canary .button", "Roll back").click()
    assert "version 7 answers" in browser.one(".sheet", "Roll back version 10").text.lower()
    browser.one(".sheet textarea").send_keys("It is slow", Keys.TAB)
    browser.one(".sheet .button.main").click()
    assert browser.says("Version 10 may not answer: its gates failed.")
    browser.one(".sheet .button.plain", "Cancel").click()
    browser.until(lambda: not any(item.is_displayed() for item in browser.all(".sheet")))
    assert control.posted == []


def test_the_page_says_that_the_control_plane_is_away_and_recovers_by_itself(browser: Browser, control: StandIn) -> None:
    control.stop()
    assert browser.says("Control plane unreachable", 8)
    assert browser.says("Showing what was known at")
    assert browser.one(".card.champion .big").text == "v7"
    browser.one(".card.canary .button", "Promote").click()
    browser.one(".sheet textarea").send_keys("now")
    browser.one(".sheet .button.main").click()
    assert browser.says("No control plane answers")
    browser.one(".sheet .button.plain").click()
    control.start()
    browser.until(lambda: not browser.all(".notice"), 8)
    control.happen(type="alert.raised", text="drift alert: back again", data={"kind": "drift"})
    assert browser.says("Back again", 5)


def test_a_page_opened_while_the_control_plane_is_away_fills_when_it_comes(
    browser: Browser, control: StandIn, console: ConsoleProcess
) -> None:
    control.stop()
    console.stop(kill=True)
    console.start()
    control.start()  # the session is asked for at the control plane
    browser.open(console.url)
    control.stop()
    console.stop(kill=True)
    console.start()
    control.start()
    browser.until(lambda: browser.all(".event"), 25)


def test_a_killed_console_is_found_again_by_its_page(browser: Browser, control: StandIn, console: ConsoleProcess) -> None:
    console.stop(kill=True)
    control.happen(type="alert.raised", text="drift alert: meanwhile", data={"kind": "drift"})
    console.start()
    assert browser.says("Meanwhile", 20)


def test_nothing_is_asked_of_anybody_else(browser: Browser, console: ConsoleProcess) -> None:
    browser.requested()
    browser.open(console.url)
    browser.one(".event")
    browser.one(".event .entry").click()
    browser.one(".chain", "Because of")
    browser.one(".card.canary .button", "Promote").click()
    browser.one(".sheet textarea")
    asked = browser.requested()
    ours = (console.url, f"ws://127.0.0.1:{console.port}", "data:")
    assert len(asked) > 10
    assert [url for url in asked if not url.startswith(ours)] == []
    assert browser.complaints() == []


def misfits(browser: Browser, width: int) -> list[str]:
    """What does not fit once the charts had time to take the new width."""
    found: list[str] = ["not looked yet"]
    for _ in range(50):
        found = browser.run(f"const wide = {width}; {FITS}")
        if not found:
            break
        time.sleep(0.1)
    return found


WIDTHS = (360, 414, 640, 768, 900, 1100, 1281, 1441, 1600)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_stands_out_at_the_side(browser: Browser, dark: bool) -> None:  # noqa: FBT001  named by pytest
    browser.one(".event .entry").click()
    browser.one(".chain", "Because of")
    theme = "dark" if dark else "light"
    for width in WIDTHS:
        browser.look(width=width, height=900, dark=dark)
        assert (width, misfits(browser, width)) == (width, [])
        if folder := os.environ.get("FLYBALL_PICTURES"):
            browser.picture(Path(folder) / f"page-{width}-{theme}.png")
    assert browser.run("return document.documentElement.dataset.theme") == theme


def test_the_theme_turns_and_is_remembered(browser: Browser, console: ConsoleProcess) -> None:
    before = series(browser, "quality", name="roc_auc")["lineStyle"]["color"]
    browser.one(".icon-button").click()
    browser.until(lambda: series(browser, "quality", name="roc_auc")["lineStyle"]["color"] != before)
    browser.open(console.url)
    browser.one(".event")
    assert browser.run("return document.documentElement.dataset.theme") == "dark"
    browser.one(".icon-button").click()


def test_without_a_figure_the_page_says_so(control: StandIn, chrome: Browser, console: ConsoleProcess) -> None:
    model = {"name": "late-arrival", "endpoint": "late-arrival", "metric": "roc_auc", "loop": {"training": True}}
    status = {**control.scene["status"], "phase": "training the first version", "processes": [], "disk": None}
    control.scene = {"status": status, "models": [model], "windows": {"windows": []}}
    control.events = []
    chrome.look()
    chrome.open(f"{console.url}/login?code={control.create_code()}")
    for words in (
        "No version yet",
        "Training the first version.",
        "No window has closed yet",
        "No window was compared yet",
        "Nothing here yet",
    ):
        assert chrome.says(words), words


def test_a_name_is_never_markup(browser: Browser, control: StandIn) -> None:
    evil = "<img src=x onerror=document.title='owned'>"
    model = {**control.scene["models"][0], "metric": evil}
    status = {**control.scene["status"], "project": evil, "phase": evil}
    control.scene = {**control.scene, "status": status, "models": [model]}
    control.happen(type="alert.raised", text=f"drift alert: {evil}", data={"kind": evil}, actor=evil)
    browser.until(lambda: evil in browser.one(".project").text)
    browser.until(lambda: evil in browser.one(".event .entry").text)
    ActionChains(browser.chrome).move_to_element(browser.one(".quality-plot")).perform()
    browser.until(lambda: evil in browser.one(".tip").text)
    assert browser.run("return document.title") != "owned"


def test_several_models_are_chosen_by_address(browser: Browser, control: StandIn, console: ConsoleProcess) -> None:
    other = {**control.scene["models"][0], "name": "delay & cost", "endpoint": "delay", "champion": {"version": 3}, "canary": None}
    control.scene = {**control.scene, "models": [*control.scene["models"], other]}
    browser.one(".tab", "delay & cost").click()
    browser.until(lambda: "v3" in browser.one(".card.champion").text)
    assert browser.one(".tab[aria-current]").text == "delay & cost"
    assert not browser.all(f'.event[data-id="{control.events[-1]["id"]}"]')
    browser.open(f"{console.url}/?model=nothing-so-named")
    assert browser.one(".card.champion .big", "v7").is_displayed()


def test_logging_out_is_one_click(browser: Browser, console: ConsoleProcess) -> None:
    browser.one(".foot .link", "Log out").click()
    assert browser.says("You are logged out")
    browser.open(console.url)
    assert browser.says("Log in with a link")


@pytest.mark.usefixtures("browser")
def test_it_is_small_with_a_page_open(console: ConsoleProcess) -> None:
    assert console.child is not None
    assert psutil.Process(console.child.pid).memory_info().rss < 150e6
