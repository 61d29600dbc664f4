"""Datasets in a real browser, before a real server that has taken in files, set rows aside and holds a version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from flyball.client.datasets import AsideQuery, DatasetsClient
from flyball.client.errors import ClientError
from tests.browser.chromium import Browser
from tests.integration.console.filled import HARM
from tests.integration.console.visiting import FITS, Visit
from tests.live import Up, wait_for

PROJECT = """\
import flyball as fb
import polars as pl

visits = fb.Dataset(
    "visits", fb.files("visits"), key="visit", event_time="came_at", known_after="1h",
    checks=[fb.check("short", pl.col("minutes") < 50, severity="hold", column="minutes")],
)
nothing = fb.Dataset("nothing", fb.push(), key="visit", event_time="came_at", known_after="1h")
project = fb.Project("visits", datasets=[visits, nothing])
"""


@dataclass(frozen=True)
class House:
    """A project of datasets that runs, and the folder of its files."""

    up: Up
    files: Path

    def write(self, name: str, rows: str) -> None:
        """A file of visits."""
        (self.files / name).write_text(f"visit,came_at,minutes,door\n{rows}")

    def pull(self) -> None:
        """Take in what is new; a version that is held then is told by an error."""
        with self.up.client() as client:
            try:
                DatasetsClient(client).pull_dataset("visits")
            except ClientError as error:
                if "is held" not in str(error):
                    raise

    def state(self, number: int) -> Any:
        """What became of a version."""
        with self.up.client() as client:
            return DatasetsClient(client).get_version("visits", number)["version"]["state"]


def visits(first: int, last: int, *, minutes: str = "{n}.5", month: int = 1) -> str:
    return "".join(
        f'v{n},2025-{month:02}-{1 + n % 28:02}T09:00Z,"{minutes.format(n=n % 7)}",{"ab"[n % 2]}\n' for n in range(first, last)
    )  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """200 visits; then 40 and three that are none; then 30 that hold their version."""
    root = tmp_path_factory.mktemp("house")
    (root / "visits").mkdir()
    (root / "project.py").write_text(PROJECT)
    up = Up.start(root / "project.py", root / "home", console=True)
    made = House(up, root / "visits")
    try:
        made.write("a.csv", visits(0, 200))
        up.wait_serving()
        made.pull()
        broken = visits(240, 242, minutes=HARM.replace('"', '""'), month=3) + visits(242, 243, minutes="=2+2", month=3)
        made.write("b.csv", visits(200, 240, month=3) + broken)
        made.pull()
        made.write("c.csv", visits(300, 330, minutes="7{n}", month=4).replace(",b", ",c"))
        made.pull()
        assert [made.state(number) for number in (1, 2, 3)] == ["accepted", "accepted", "held"]
        yield made
    finally:
        up.end(30)


@pytest.fixture(scope="module")
def seen(chrome: Browser, house: House) -> Iterator[Visit]:
    """A browser that is logged in as the owner."""
    url = house.up.settings().console_url
    with house.up.client() as client:
        chrome.open(f"{url}/login?code={client.create_login_code()}")
    assert chrome.says("Data", 60)
    yield Visit(chrome, url)
    chrome.open("about:blank")
    chrome.chrome.delete_all_cookies()


def names(browser: Browser) -> list[str]:
    return [row.text.split()[0] for row in browser.all(".datasets tbody tr")]


def test_the_list_tells_health_and_freshness(seen: Visit) -> None:
    browser = seen.open("/datasets")
    row = browser.one(".datasets tbody tr", "visits").text
    for words in ("held", "version 3 waits for a person", "rows wait in quarantine", "v3 held", "270", "d ", "ago"):
        assert words in row
    assert "no version is accepted" in browser.one(".datasets tbody tr", "nothing").text
    assert browser.one(".places a[aria-current=page]").text == "Data"
    assert browser.complaints() == []
    assert {address.split("/")[2] for address in browser.requested() if "://" in address} == {seen.url.removeprefix("http://")}


def test_the_list_is_filtered_and_sorted_by_its_address(seen: Visit) -> None:
    browser = seen.open("/datasets")
    browser.one(".filter-form input[type=search]").send_keys("VISIT\n")
    browser.until(lambda: names(browser) == ["visits"])
    assert "filter=VISIT" in seen.address()
    seen.open("/datasets?health=empty")
    browser.until(lambda: names(browser) == ["nothing"])
    seen.open("/datasets")
    browser.one(".datasets thead a", "Rows").click()
    browser.until(lambda: names(browser) == ["visits", "nothing"])
    assert browser.one("th[aria-sort=descending]").text.startswith("Rows")
    browser.one(".datasets thead a", "Rows").click()
    browser.until(lambda: names(browser) == ["nothing", "visits"])
    seen.open(f"/datasets?filter={quote(HARM)}&sort=x:y&health=z")
    assert browser.says("No dataset is like that")
    assert not seen.harmed()


def test_versions_stand_with_their_counts(seen: Visit) -> None:
    browser = seen.open("/datasets/visits")
    rows = browser.until(lambda: browser.all(".versions tbody tr"))
    assert [row.text.split()[0] for row in rows] == ["v3", "v2", "v1"]
    cells = [cell.text for cell in rows[1].find_elements("css selector", "td")]
    assert cells[0].splitlines() == ["accepted", "broke minutes.type"]
    assert cells[3:] == ["240", "40", "3", "0"]
    seen.open("/datasets/visits?before=2")
    browser.until(lambda: [row.text.split()[0] for row in browser.all(".versions tbody tr")] == ["v1"])
    seen.open("/datasets/nothing")
    assert "flyball ingest nothing" in browser.one(".empty").text


def test_a_profile_has_bars_values_and_examples(seen: Visit) -> None:
    browser = seen.open("/datasets/visits?tab=profile&version=1")
    minutes = browser.one(".column-card[data-column=minutes]")
    label = minutes.find_element("css selector", ".bars").get_attribute("aria-label")
    assert label == "distribution of minutes, from 0.5 to 6.5"
    for words in ("nothing missing", "Distinct\n7", "Median\n3.5", "For example"):
        assert words in minutes.text
    door = browser.one(".column-card[data-column=door] .top").text
    assert door.split() == ["a", "50%", "b", "50%"]
    seen.open("/datasets/visits?tab=profile&version=1&column=oo")
    browser.until(lambda: len(browser.all(".column-card")) == 1)


def test_any_two_versions_are_compared(seen: Visit) -> None:
    browser = seen.open("/datasets/visits?tab=compare")
    browser.one("select[name=old]").send_keys("version 1")
    browser.one("select[name=new]").send_keys("version 3")
    browser.one(".choices .button").click()
    browser.until(lambda: "old=1" in seen.address() and "new=3" in seen.address())
    row = browser.one(".differences tbody tr", "door").text
    assert "moved" in row
    assert "new: c" in row
    seen.open("/datasets/visits?tab=compare&old=1&new=99")
    assert "99" in browser.one(".trouble").text


def test_the_contract_stands_with_what_came_of_it(seen: Visit) -> None:
    browser = seen.open("/datasets/visits?tab=contract")
    first = browser.one(".courses tbody tr", "short")
    assert len(first.find_elements("css selector", ".squares .broken")) == 1
    assert "from 0 to 1" in (first.find_element("css selector", ".sparkline").get_attribute("aria-label") or "")
    promised = browser.one(".promises tbody tr", "minutes").text
    for words in ("number", "has a value (quarantine)", "at most 6.5 (warn)"):
        assert words in promised
    browser.one(".contract summary", "As a file").click()
    assert "dataset: visits" in browser.one(".contract pre").text
    browser.one(".contract pre")
    first = browser.one(".courses tbody tr", "short")
    first.find_element("css selector", ".squares a").click()
    browser.until(lambda: seen.address() == "/datasets/visits/versions/3")


def test_quarantined_rows_are_text_whatever_stands_in_them(seen: Visit) -> None:
    browser = seen.open("/datasets/visits?tab=quarantine&version=2")
    rows = browser.until(lambda: browser.all(".aside-rows tbody tr"))
    assert HARM in rows[0].text
    assert "minutes is no number" in rows[0].text
    assert not seen.harmed()
    seen.open("/datasets/visits?tab=quarantine&state=readmitted&version=1")
    assert browser.says("No row is set aside here")
    seen.open("/datasets/visits?tab=quarantine&token=%00nonsense")
    assert browser.one(".trouble").text


def test_strange_addresses_are_a_sentence(seen: Visit) -> None:
    harm = quote(HARM.replace("/", ""), safe="")
    for path in (
        harm,
        "%00",
        "visits/versions/99",
        f"{harm}/versions/1",
        f"visits?tab={harm}&version={harm}&tab=compare&old=1&new=77",
        "no?tab=contract&first=-1&version=x",
    ):
        browser = seen.open(f"/datasets/{path}")
        assert browser.one(".trouble").text
    assert not seen.harmed()


def test_who_may_only_look_has_no_buttons(seen: Visit, house: House) -> None:
    with house.up.client() as owner:
        secret = str(owner.create_token("looker", role="viewer")["secret"])
    with httpx.Client(base_url=house.up.settings().control_url, headers={"Authorization": f"Bearer {secret}"}, trust_env=False) as viewer:
        code = viewer.post("/api/v1/login-codes").json()["code"]
    browser = seen.browser
    cookies = browser.chrome.get_cookies()
    try:
        browser.chrome.delete_all_cookies()
        browser.open(f"{seen.url}/login?code={code}")
        seen.open("/datasets/visits/versions/3")
        browser.one(".broken-list", "short")
        assert not any(button.is_displayed() for button in browser.all(".decide"))
        seen.open("/datasets/visits?tab=quarantine")
        browser.one(".aside-rows")
        assert browser.all("[data-act]") == []
    finally:
        browser.chrome.delete_all_cookies()
        for cookie in cookies:
            browser.chrome.add_cookie(cookie)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_fit(seen: Visit, *, width: int, dark: bool) -> None:
    parts = ("", "?tab=profile", "?tab=compare", "?tab=contract", "?tab=quarantine", "/versions/3", "/versions/2")
    for path in ("/datasets", *(f"/datasets/visits{part}" for part in parts)):
        browser = seen.open(path, width=width, dark=dark)
        browser.until(lambda: seen.browser.all(".panel") and not seen.browser.all(".waiting"), 30)
        assert browser.run(FITS) == [], path


def decide(browser: Browser, css: str, *, why: str) -> str:
    """Press the button, give the reason, and return what is told."""
    browser.one(css).click()
    browser.one(".sheet h2")
    browser.one(".sheet .button.main").click()
    assert "Write a reason" in browser.one(".told").text
    browser.one(".reason textarea").send_keys(why)
    browser.one(".sheet .button.main").click()
    return str(
        browser.until(lambda: next((each.text for each in browser.all(".told .good, .told .bad") if "reason:" not in each.text), ""))
    )


def test_a_held_version_is_released_and_a_row_repaired_and_taken_and_another_version_rejected(seen: Visit, house: House) -> None:
    browser = seen.open("/datasets/visits/versions/3")
    evidence = browser.one(".broken-list li", "short").text
    assert "100% of 30 rows" in evidence
    assert browser.one(".differences tbody tr", "minutes").text.count("→") >= 1
    assert "Version 3 is accepted." in decide(browser, ".decide .release", why="long days")
    assert house.state(3) == "accepted"
    browser.until(lambda: not any(each.is_displayed() for each in browser.all(".decide")))

    with house.up.client() as client:
        data = DatasetsClient(client)
        row = next(row for row in data.quarantined("visits", version=2) if "=2+2" in str(row["cells"]))
        assert data.repair("visits", {row["id"]: {"minutes": "4"}}, why="sum")[0]["reasons"] == []
    seen.open("/datasets/visits?tab=quarantine&state=repaired")
    browser.until(lambda: len(browser.all(".aside-rows tbody tr")) == 1)
    assert browser.one(".cells .repaired").text == "4"
    assert "1 row taken into version 4" in decide(browser, "[data-act=readmit]", why="summed up")
    browser.until(lambda: browser.says("No row is set aside here", 0.5), 30)
    seen.open("/datasets/visits?tab=quarantine&state=waiting&version=2")
    assert "2 rows left" in decide(browser, "[data-act=readmit-all]", why="try them")
    with house.up.client() as client:
        taken = DatasetsClient(client).list_quarantine("visits", AsideQuery(state="readmitted"))["rows"]
    assert [(row["readmitted"], row["why"]) for row in taken] == [(4, "summed up")]

    seen.open("/datasets/visits")
    assert browser.one(".versions tbody tr").text.startswith("v4")
    house.write("d.csv", visits(400, 430, minutes="8{n}", month=5))
    house.pull()
    browser.one(".held-notice a", "version 5").click()  # came to the page by itself
    assert "Version 5 is rejected." in decide(browser, ".decide .reject", why="no such days")
    assert house.state(5) == "rejected"
    wait_for(lambda: bool(browser.all(".mark.bad")), 30, told="the rejection on the page")
    assert browser.complaints() == []


def test_the_timeline_leads_to_a_version(seen: Visit) -> None:
    browser = seen.open("/")
    browser.one(".event.data .entry", "Data held").click()
    link = browser.one(".chain a.link", "Open version")
    where = str(link.get_attribute("href")).removeprefix(seen.url)
    link.click()
    browser.until(lambda: seen.address() == where)
    assert where.startswith("/datasets/visits/versions/")
