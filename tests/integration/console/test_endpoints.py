"""Endpoints in a real browser: who answers, shares that are moved with a reason, shadows, and a row that is tried."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver import Keys

from tests.browser.chromium import Browser
from tests.integration.console.conftest import ConsoleProcess
from tests.integration.console.standin import StandIn
from tests.integration.console.visiting import FITS


@pytest.fixture
def page(browser: Browser, console: ConsoleProcess) -> Browser:
    """The endpoint's page, filled."""
    browser.open(f"{console.url}/endpoints/late")
    browser.one("table.served")
    return browser


def share_of(page: Browser, version: int) -> Any:
    return page.one(f'input[aria-label="Share of version {version} in percent"]')


def write(field: Any, said: str) -> None:
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(said, Keys.TAB)


def decide(page: Browser, button: str, *, why: str) -> None:
    page.one(".weighing .button", button).click()
    page.one(".sheet textarea").send_keys(why)
    page.one(".sheet .button.main").click()


def test_the_list_says_who_answers_and_leads_to_the_endpoint(browser: Browser, console: ConsoleProcess) -> None:
    browser.open(f"{console.url}/endpoints")
    row = browser.one("table.endpoints tbody tr").text
    assert all(words in row for words in ("late", "champion", "v1", "1,000", "0.40 ms"))
    browser.one("table.endpoints a.link").click()
    browser.one("table.served")
    assert browser.complaints() == []


def test_versions_shadows_and_servers_are_told(page: Browser) -> None:
    rows = [row.text for row in page.all("table.served tbody tr")]
    assert len(rows) == 2
    assert all(words in rows[1] for words in ("v1", "champion", "100%", "1,000", "0.40 ms", "1.2 ms"))
    compared = page.one("table.beside tbody tr").text
    assert all(words in compared for words in ("v2", "900", "98%", "0.0123", "0.3100", "0.60 ms"))
    assert page.says("127.0.0.1-8501 follows")
    assert page.says("the champion answers all")


def test_shares_are_moved_with_a_reason_after_they_were_said_in_words(page: Browser, control: StandIn) -> None:
    write(share_of(page, 1), "90")
    write(share_of(page, 2), "10")
    page.one(".weighing .button", "Change shares").click()
    assert page.says("version 2 answers 10% of the rows at late, version 1 90%")
    page.one(".sheet .button.main").click()
    assert page.says("Write a reason")
    assert control.posted == []
    page.one(".sheet textarea").send_keys("a fair trial")
    page.one(".sheet .button.main").click()
    assert page.says("Every model server acts on it")
    assert control.posted == [("/api/v1/endpoints/late/weights", {"weights": {"1": 0.9, "2": 0.1}, "why": "a fair trial"})]
    page.until(lambda: "10%" in page.one("table.served tbody tr").text)


def test_shares_that_are_not_whole_are_not_asked_for(page: Browser, control: StandIn) -> None:
    write(share_of(page, 2), "30")
    page.one(".weighing .button", "Change shares").click()
    assert page.says("The shares make 130%")
    assert control.posted == []


def test_shadows_are_chosen(page: Browser, control: StandIn) -> None:
    page.one('[aria-label="Version 2 is asked beside those that answer"]').click()
    decide(page, "Change shadows", why="looking")
    assert page.says("Shadows are changed")
    assert control.posted == [("/api/v1/endpoints/late/shadows", {"versions": [2], "why": "looking"})]


def test_a_refusal_is_said_where_it_was_asked(page: Browser, control: StandIn) -> None:
    control.refusal = "A rollout is running at late. Wait for it, or roll it back."
    decide(page, "Take the last step back", why="it looks wrong")
    assert page.says("A rollout is running at late")


def test_who_may_only_look_sees_no_fields(browser: Browser, console: ConsoleProcess, control: StandIn) -> None:
    control.permissions = ["read"]
    browser.open(f"{console.url}/endpoints/late")
    browser.one("table.served")
    shown = "return [...document.querySelectorAll('.weighing, .trial')].map(found => found.checkVisibility())"
    assert browser.run(shown) == [False, False]


def test_a_row_is_tried_in_the_types_of_its_columns(browser: Browser, console: ConsoleProcess, control: StandIn) -> None:
    control.permissions = ["read", "release", "predict"]
    browser.open(f"{console.url}/endpoints/late")
    browser.until(lambda: len(browser.all(".trial-field")) == 3)
    write(browser.one('input[aria-label="distance (number)"]'), "far")
    browser.one(".trial .ask").click()
    assert browser.says("'distance' is of type number")
    write(browser.one('input[aria-label="distance (number)"]'), "820.5")
    browser.one(".trial .ask").click()
    assert browser.says("flyball trace prd-0")
    wanted = {"flight_id": "f1", "departs_at": "2013-12-01T06:00:00Z", "distance": 820.5}
    assert control.posted == [("/api/v1/endpoints/late/try", {"rows": [wanted]})]


def test_an_unknown_endpoint_is_told_with_the_known_ones(browser: Browser, console: ConsoleProcess) -> None:
    browser.open(f"{console.url}/endpoints/latte")
    assert browser.says("Endpoints: late.")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_fetches_from_us_alone(page: Browser, console: ConsoleProcess, width: int) -> None:
    page.look(width=width, height=900)
    assert page.run(FITS) == []
    assert all(url.startswith(console.url) for url in page.requested() if url.startswith("http"))
