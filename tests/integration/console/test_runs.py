"""The table of runs and the page of a run in a real browser, on a real server with 10^5 runs."""

from __future__ import annotations

import os
import signal
from urllib.parse import quote

import httpx
import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.remote.webelement import WebElement

from flyball.app.running import get_up
from tests.browser.chromium import Browser
from tests.integration.console.conftest import ConsoleProcess
from tests.integration.console.filled import HARM, MANY, START_MS, Filled
from tests.integration.console.standin import StandIn
from tests.integration.console.visiting import FITS, Visit
from tests.live import Server

BROKEN = "metrics.auc >> 'x"


def press(browser: Browser, name: str) -> None:
    """Click the button of that name."""
    browser.one(".button", name).click()


def link(found: WebElement) -> str:
    """Where it leads."""
    return found.get_attribute("href") or ""


def write_filter(visit: Visit, words: str) -> None:
    field = visit.browser.one(".runs-filter input")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(words or Keys.DELETE, Keys.ENTER)


def test_a_server_without_a_project_begins_with_its_runs(visit: Visit) -> None:
    browser = visit.open("/")
    browser.until(lambda: visit.address().startswith("/runs"))
    assert [link.text for link in browser.all(".places a")] == ["Runs", "Models"]
    assert browser.one(".places a[aria-current=page]").text == "Runs"


def test_the_table_shows_the_newest_run_first_with_what_was_logged(visit: Visit, filled: Filled) -> None:
    browser = visit.runs(f"?experiment={filled.experiment}")
    assert visit.names() == ["stout-finch", "brisk-otter", "calm-heron", "live-lynx"]
    assert browser.says("4 runs")
    row = visit.rows()[2]
    assert (row["status"], row["started"], row["duration"], row["user"]) == ("Finished", "13 Nov 2025, 02:13", "1 min 35 s", "ada")
    assert row["metrics.auc"] == "0.899479"
    assert browser.complaints() == []


def test_a_hundred_thousand_runs_are_scrolled_page_by_page(visit: Visit, filled: Filled) -> None:
    browser = visit.runs(f"?experiment={filled.many}")
    assert visit.names()[0] == f"trial-{MANY - 1:06d}"
    for page in range(1, 13):
        browser.run("const at = document.querySelector('.runs-grid .ag-body-viewport'); at.scrollTop = at.scrollHeight")
        browser.until(lambda page=page: any(int(name[-6:]) < MANY - page * 250 for name in visit.names()), 30)  # type: ignore[misc]  # the page of this turn
    assert len(visit.rows()) < 80, "only what is seen is drawn"
    browser.run("document.querySelector('.runs-grid .ag-body-viewport').scrollTop = 0")
    browser.until(lambda: f"trial-{MANY - 1:06d}" in visit.names())
    best = next(n for n in range(MANY) if n * 7919 % MANY == MANY - 1)
    for _ in range(2):
        browser.one(".ag-header-cell[col-id='metrics.auc'] .ag-header-cell-label").click()
    browser.until(lambda: visit.names()[:1] == [f"trial-{best:06d}"], 30)
    browser.until(lambda: "order=metrics.auc%3Adesc" in visit.address())


def test_a_filter_narrows_the_table_and_stands_in_the_address(visit: Visit, filled: Filled) -> None:
    browser = visit.runs(f"?experiment={filled.many}")
    write_filter(visit, "params.trial = '77'")
    browser.until(lambda: visit.names() == ["trial-000077"], 30)
    assert browser.says("1 run")
    assert "filter=params.trial+%3D+%2777%27" in visit.address()
    visit.browser.chrome.refresh()
    browser.until(lambda: visit.names() == ["trial-000077"], 30)


def test_a_filter_that_is_not_understood_is_a_sentence_and_the_table_stays(visit: Visit, filled: Filled) -> None:
    browser = visit.runs(f"?experiment={filled.experiment}")
    before, address = visit.names(), visit.address()
    write_filter(visit, BROKEN)
    assert "Invalid" in browser.one(".trouble").text
    assert (visit.names(), visit.address()) == (before, address)
    write_filter(visit, "metrics.auc > 0.89")
    browser.until(lambda: visit.names() == ["brisk-otter", "calm-heron"])
    assert not [item for item in browser.all(".trouble") if item.is_displayed()]


def test_columns_are_chosen_from_what_was_logged(visit: Visit, filled: Filled) -> None:
    browser = visit.runs(f"?experiment={filled.experiment}&column=params.lr")
    assert {"params.lr"} == {name for name in visit.rows()[0] if "." in name}
    press(browser, "Columns")
    browser.one(".chip", "team").click()
    browser.until(lambda: [row.get("tags.team") for row in visit.rows()][:1] == ["ads"])
    browser.until(lambda: visit.address().endswith("column=params.lr&column=tags.team"))
    browser.one(".chip[aria-pressed=true]", "lr").click()
    browser.until(lambda: ["params.lr" in row for row in visit.rows()][:1] == [False])


def test_chosen_runs_lead_to_a_comparison_and_stay_chosen(visit: Visit, filled: Filled) -> None:
    browser = visit.runs(f"?experiment={filled.experiment}")
    for box in browser.all(".runs-grid .ag-row .ag-checkbox-input")[:2]:
        box.click()
    assert link(browser.one("a.button", "Compare 2")).endswith(f"{filled.runs['stout-finch']},{filled.runs['brisk-otter']}")
    browser.chrome.refresh()
    browser.until(lambda: sum(box.is_selected() for box in browser.all(".runs-grid .ag-row .ag-checkbox-input")) == 2, 30)
    press(browser, "Clear")
    browser.until(lambda: not any(box.is_selected() for box in browser.all(".runs-grid .ag-row .ag-checkbox-input")))
    assert "run=" not in visit.address()


def test_deleted_runs_have_a_view_of_their_own(visit: Visit, filled: Filled) -> None:
    browser = visit.runs(f"?experiment={filled.experiment}")
    press(browser, "Deleted")
    browser.until(lambda: visit.names() == ["gone-goose"])
    assert visit.address() == f"/runs?experiment={filled.experiment}&view=deleted"


def test_the_table_is_used_with_the_keyboard_alone(visit: Visit, filled: Filled) -> None:
    browser = visit.runs(f"?experiment={filled.experiment}")
    browser.one(".runs-filter input").send_keys("params.depth = '5'", Keys.ENTER)
    browser.until(lambda: visit.names() == ["brisk-otter"])
    keys = ActionChains(browser.chrome)
    for _ in range(6):  # what empties the filter, the buttons, and then the heads of the columns
        keys.send_keys(Keys.TAB)
    keys.send_keys(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ENTER).perform()
    browser.until(lambda: visit.address() == f"/runs/{filled.runs['brisk-otter']}")


def test_a_runs_page_tells_all_that_was_logged(visit: Visit, filled: Filled) -> None:
    run = filled.runs["calm-heron"]
    browser = visit.open(f"/runs/{run}")
    browser.one("h1", "calm-heron")
    for words in ("Finished", "1 min 35 s", "ada", run, "gbdt", "0.899479", "NaN", "flights", "training"):
        assert browser.says(words), words
    assert link(browser.one(".way a", "late-arrival")).endswith(f"/runs?experiment={filled.experiment}")
    points = visit.chart("[data-metric=auc]")["series"][0]["data"]
    assert (len(points), points[0], points[-1][0]) == (120, [0, 0.7], 119)
    assert not browser.all("[data-metric=rows]"), "a single value is no curve"
    assert browser.complaints() == []
    assert all(address.startswith((visit.url, "data:", visit.url.replace("http", "ws"))) for address in browser.requested())


def test_files_are_a_tree_whose_leaves_download_as_attachments(visit: Visit, filled: Filled) -> None:
    browser = visit.open(f"/runs/{filled.runs['calm-heron']}")
    browser.one(".folder", "model").click()
    browser.one(".folder", "data").click()
    assert "model.txt" in browser.one(".file", "model.txt").text
    cookies = {cookie["name"]: cookie["value"] for cookie in browser.chrome.get_cookies()}
    with httpx.Client(cookies=cookies, trust_env=False) as client:
        for name, content in (("notes.html", HARM.encode()), ("a & 1.txt", b"odd")):
            answer = client.get(link(browser.one(".file", name)))
            assert answer.content == content
            assert answer.headers["content-disposition"].startswith("attachment")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "html" not in answer.headers["content-type"]
            assert "sandbox" in answer.headers["content-security-policy"]
        part = client.get(link(browser.one(".file", "notes.html")), headers={"Range": "bytes=0-3"})
        assert (part.status_code, part.content) == (206, HARM[:4].encode())
        for path in ("no.txt", "..%2f..%2fsecret", "%2e%2e/x", "model"):
            answer = client.get(f"{visit.url}/files/{filled.runs['calm-heron']}/{path}")
            assert answer.status_code in {400, 404}, path
    assert httpx.get(f"{visit.url}/files/{filled.runs['calm-heron']}/notes.html", trust_env=False).status_code == 401
    assert httpx.get(f"{visit.url}/data/runs", trust_env=False).status_code == 401


def test_curves_grow_while_the_run_does(visit: Visit, filled: Filled, server: Server) -> None:
    run = filled.runs["live"]
    browser = visit.open(f"/runs/{run}")
    assert browser.says("Running")
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {server.token()}"}, trust_env=False) as client:
        for step in (1, 2, 3):
            point = {"run_id": run, "key": "progress", "value": step / 10, "timestamp": START_MS, "step": step}
            client.post("/api/2.0/mlflow/runs/log-metric", json=point).raise_for_status()
            browser.until(lambda step=step: len(visit.chart("[data-metric=progress]")["series"][0]["data"]) == step, 30)  # type: ignore[misc]  # the step of this turn


def test_a_run_that_is_not_there_is_a_sentence(visit: Visit) -> None:
    browser = visit.open(f"/runs/{quote('<b>none', safe='')}")
    assert "not found" in browser.one(".trouble").text
    assert browser.one("h1").text == "<b>none"


def test_names_that_are_meant_to_harm_are_text(visit: Visit, filled: Filled) -> None:
    browser = visit.runs(f"?experiment={filled.harmful}&filter={quote('params.note LIKE ' + chr(39) + '%<script>%' + chr(39))}")
    assert visit.rows()[0]["name"] == HARM[:200]
    assert visit.rows()[0]["params.note"] == HARM
    assert browser.one(".q-chip").text.startswith("<img")
    press(browser, "Columns")
    assert not visit.harmed()
    write_filter(visit, HARM)
    browser.one(".trouble")
    assert not visit.harmed()
    visit.open(f"/runs/{filled.runs['harmful']}")
    assert browser.says("{{ 7 * 7 }}")
    ActionChains(browser.chrome).move_to_element(browser.one(".curve-plot svg")).perform()
    browser.one(".tip")
    assert not visit.harmed()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_fit(visit: Visit, filled: Filled, *, width: int, dark: bool) -> None:
    for path, known in (
        (f"/runs?experiment={filled.experiment}", "calm-heron"),
        (f"/runs/{filled.runs['calm-heron']}", "notes.html"),
        (f"/runs/{filled.runs['harmful']}", "{{ 7 * 7 }}"),
    ):
        browser = visit.open(path, width=width, dark=dark)
        assert browser.says(known, 30)
        assert browser.run(FITS) == []
        paper = browser.run("return getComputedStyle(document.body).backgroundColor")
        assert paper == ("rgb(18, 20, 24)" if dark else "rgb(246, 246, 244)")


def test_the_links_of_mlflows_client_lead_here(visit: Visit, filled: Filled, server: Server) -> None:
    browser = visit.browser
    run = filled.runs["calm-heron"]
    browser.open(f"{server.url}/#/experiments/{filled.experiment}/runs/{run}")
    browser.until(lambda: visit.address() == f"/runs/{run}")
    browser.open(f"{server.url}/#/experiments/{filled.experiment}")
    browser.until(lambda: visit.address() == f"/runs?experiment={filled.experiment}", 30)
    answer = httpx.get(server.url, trust_env=False)
    assert answer.status_code == 200
    assert "control plane of Flyball" in answer.text


def test_a_table_whose_server_was_started_again_goes_on(visit: Visit, filled: Filled, server: Server) -> None:
    browser = visit.runs(f"?experiment={filled.many}")
    os.kill(int(get_up(server.home)["children"]["control"]["pid"]), signal.SIGKILL)
    press(browser, "Refresh")
    browser.until(lambda: f"trial-{MANY - 1:06d}" in visit.names(), 60)
    browser.until(lambda: not any(item.is_displayed() for item in browser.all(".trouble, .notice")), 60)


def test_without_a_control_plane_the_pages_say_so(browser: Browser, console: ConsoleProcess, control: StandIn) -> None:
    control.stop()
    for path in ("/runs", "/runs/1", "/compare?runs=1,2", "/registry", "/registry/late"):
        browser.open(console.url + path)
        assert "No control plane answers" in browser.one(".trouble").text
    assert browser.says("Control plane unreachable")
    control.start()  # it knows no models, but it answers: the page asks again by itself
    browser.until(lambda: "answered 404" in browser.run("return document.querySelector('.trouble')?.textContent ?? ''"), 30)
