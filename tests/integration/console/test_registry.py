"""Registered models in a real browser."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from tests.integration.console.filled import HARM, Filled
from tests.integration.console.visiting import FITS, Visit
from tests.live import Server, wait_for


def test_the_list_tells_each_models_latest_version_and_aliases(visit: Visit) -> None:
    browser = visit.open("/registry")
    row = browser.one(".listing tbody tr", "late-arrival").text
    for words in ("Will it be late?", "v2", "fresh v2"):
        assert words in row
    assert browser.one(".places a[aria-current=page]").text == "Models"
    assert browser.complaints() == []


def test_a_filter_stands_in_the_address_and_a_broken_one_is_a_sentence(visit: Visit) -> None:
    browser = visit.open("/registry")
    browser.one(".filter-form input").send_keys("name ILIKE '%LATE%'\n")
    browser.until(lambda: visit.address() == f"/registry?filter={quote('name ILIKE', safe='').replace('%20', '+')}+%27%25LATE%25%27")
    browser.until(lambda: [row.text.split()[0] for row in browser.all(".listing tbody tr")] == ["late-arrival"])
    visit.open("/registry?filter=what")
    assert "Invalid" in browser.one(".trouble").text
    assert browser.one(".filter-form input").get_attribute("value") == "what"


def test_a_models_page_tells_versions_with_origin_and_signature(visit: Visit, filled: Filled) -> None:
    browser = visit.open("/registry/late-arrival")
    versions = browser.until(lambda: browser.all(".version"))
    assert [version.find_element("css selector", "h2").text for version in versions] == ["Version 2", "Version 1"]
    newest = versions[0].text
    for words in ("fresh", "Staging", "<b>From brisk-otter</b>", filled.runs["brisk-otter"], "checked", "Digest", "Signed by key",
                  "flyball verify models:/late-arrival/2"):  # fmt: skip
        assert words in newest
    browser.one(".version a.link", filled.runs["brisk-otter"]).click()
    browser.until(lambda: visit.address() == f"/runs/{filled.runs['brisk-otter']}")


def test_a_model_that_is_not_there_is_a_sentence(visit: Visit) -> None:
    browser = visit.open(f"/registry/{quote('<i>none')}")
    assert "not found" in browser.one(".trouble").text
    assert browser.one("h1").text == "<i>none"


def test_names_that_are_meant_to_harm_are_text(visit: Visit) -> None:
    browser = visit.open("/registry")
    browser.one(".listing a", "another <i>model").click()
    assert browser.says("It has no version yet")
    assert browser.one(".page-head .panel-note").text == HARM
    visit.open("/registry/late-arrival")
    assert HARM in browser.one(".values.tags").text
    assert not visit.harmed()


def test_a_session_sees_what_its_role_may_and_nothing_once_it_ends(visit: Visit, server: Server) -> None:
    with server.client() as owner:
        secret = str(owner.create_token("looker", role="viewer")["secret"])
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {secret}"}, trust_env=False) as viewer:
        code = viewer.post("/api/v1/login-codes").json()["code"]
    with httpx.Client(base_url=visit.url, trust_env=False, follow_redirects=False) as guest:
        assert guest.get("/login", params={"code": code}).status_code == 303
        assert guest.get("/data/runs", params={"rows": "1"}).status_code == 200
        with server.client() as owner:
            owner.revoke_token("looker")
        # Every process learns of it in a moment, by the home's published tokens.
        wait_for(lambda: guest.get("/data/runs", params={"rows": "1"}).status_code == 401, 60, told="the end of the session")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_fit(visit: Visit, *, width: int, dark: bool) -> None:
    for path, known in (("/registry", "late-arrival"), ("/registry/late-arrival", "Version 1")):
        browser = visit.open(path, width=width, dark=dark)
        assert browser.says(known, 30)
        assert browser.run(FITS) == []
