"""An address without a page leads back to those that there are."""

from __future__ import annotations

import httpx

from tests.integration.console.standin import StandIn


def test_a_visitor_who_guesses_an_address_is_led_on(control: StandIn, anonymous: httpx.Client) -> None:
    assert anonymous.get("/login", params={"code": control.create_code()}).status_code == 303
    for path in ("/models", "/runs/x/y/z", "/%3Cscript%3E"):
        answer = anonymous.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert '<a href="/registry">Models</a>' in answer.text
        assert "<script" not in answer.text
    assert anonymous.get("/endpoints").status_code == 200
