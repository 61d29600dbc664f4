"""Who gets in: every door of a real console process, knocked at over real HTTP."""

from __future__ import annotations

import itertools
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx

from tests.integration.console.conftest import ConsoleProcess
from tests.integration.console.standin import StandIn

SOCKET = "/_nicegui_ws/socket.io/"
DOORS = [
    "/", "/?model=late-arrival", "/favicon.ico", "/nothing", "/docs", "/openapi.json", "/_nicegui/auto/static/nicegui.js",
    "/_nicegui/3/components/x.js", f"{SOCKET}?EIO=4&transport=polling", "/logout", "/healthz/", "//", "/login/x",
]  # fmt: skip
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]


def logged_in(anonymous: httpx.Client, control: StandIn) -> httpx.Response:
    return anonymous.get("/login", params={"code": control.create_code()})


def upgrade(console: ConsoleProcess, *, origin: str | None, cookie: str | None, host: str | None = None) -> int:
    """The status that a websocket's opening request is answered with."""
    lines = [
        f"GET {SOCKET}?EIO=4&transport=websocket HTTP/1.1", f"Host: {host or f'127.0.0.1:{console.port}'}", "Upgrade: websocket",
        "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
        *([f"Origin: {origin}"] if origin else []), *([f"Cookie: {cookie}"] if cookie else []), "", "",
    ]  # fmt: skip
    with socket.create_connection(("127.0.0.1", console.port), timeout=60) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return int(connection.recv(64).split()[1])


def test_without_a_session_there_is_nothing_but_a_page_that_says_how(anonymous: httpx.Client) -> None:
    for door, method in itertools.product(DOORS, METHODS):
        answer = anonymous.request(method, door)
        assert (door, method, answer.status_code) == (door, method, 401)
        if method == "GET":
            assert "flyball env" in answer.text
            assert not re.search(r"late-arrival|flights|nicegui", answer.text)


def test_only_liveness_needs_no_session(anonymous: httpx.Client) -> None:
    assert anonymous.get("/healthz").json() == {"status": "ok"}


def test_a_link_works_once_and_leaves_the_address(anonymous: httpx.Client, control: StandIn, console: ConsoleProcess) -> None:
    code = control.create_code()
    first = anonymous.get("/login", params={"code": code})
    assert (first.status_code, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"]
    assert cookie.startswith(f"flyball-console-{console.port}=")
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert anonymous.get("/").status_code == 200
    with httpx.Client(base_url=console.url, trust_env=False) as other:
        second = other.get("/login", params={"code": code})
    assert second.status_code == 401
    assert "no longer works" in second.text


def test_a_visitor_who_opens_a_used_link_again_stays_in(anonymous: httpx.Client, control: StandIn) -> None:
    code = control.create_code()
    assert anonymous.get("/login", params={"code": code}).status_code == 303
    assert anonymous.get("/login", params={"code": code}).status_code == 303


def test_a_link_from_another_site_sets_its_cookie_before_the_page_goes_on(anonymous: httpx.Client, control: StandIn) -> None:
    answer = anonymous.get("/login", params={"code": control.create_code()}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert anonymous.get("/").status_code == 200


def test_a_code_that_was_never_given_opens_nothing(anonymous: httpx.Client) -> None:
    for code in ["", "x", "y" * 300, "../../etc", "code-0-" + "z" * 24]:
        assert anonymous.get("/login", params={"code": code}).status_code == 401
        assert anonymous.get("/").status_code == 401


def test_a_wrong_cookie_opens_nothing(anonymous: httpx.Client, console: ConsoleProcess) -> None:
    for cookie in ["", "x", "y" * 40, "y" * 5000, '"\\042"', "a b c"]:
        assert anonymous.get("/", headers={"Cookie": f"flyball-console-{console.port}={cookie}"}).status_code == 401


def test_the_owner_s_token_is_no_cookie(anonymous: httpx.Client, console: ConsoleProcess) -> None:
    from tests.integration.console.standin import TOKEN

    assert anonymous.get("/", headers={"Cookie": f"flyball-console-{console.port}={TOKEN}"}).status_code == 401


def test_another_site_is_refused_whoever_asks(anonymous: httpx.Client, control: StandIn) -> None:
    logged_in(anonymous, control)
    doors = ["/", "/healthz", "/login?code=x", f"{SOCKET}?EIO=4&transport=polling"]
    foreign = [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
    for door, headers in itertools.product(doors, foreign):
        assert (door, headers, anonymous.get(door, headers=headers).status_code) == (door, headers, 403)
        assert (door, headers, anonymous.post(door, headers=headers).status_code) == (door, headers, 403)


def test_a_socket_needs_our_origin_and_a_session(anonymous: httpx.Client, control: StandIn, console: ConsoleProcess) -> None:
    logged_in(anonymous, control)
    cookie = "; ".join(f"{name}={value}" for name, value in anonymous.cookies.items())
    assert upgrade(console, origin=console.url, cookie=cookie) == 101
    assert upgrade(console, origin=console.url, cookie=None) == 401
    assert upgrade(console, origin="http://evil.example", cookie=cookie) == 403
    assert upgrade(console, origin=None, cookie=cookie) == 403
    assert upgrade(console, origin=console.url, cookie=cookie, host="evil.example") == 403


def test_every_answer_allows_nothing_from_elsewhere(anonymous: httpx.Client, control: StandIn) -> None:
    refused = anonymous.get("/")
    logged_in(anonymous, control)
    for answer in (refused, anonymous.get("/"), anonymous.get("/favicon.ico")):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def test_logging_out_ends_the_session(anonymous: httpx.Client, control: StandIn, console: ConsoleProcess) -> None:
    logged_in(anonymous, control)
    kept = dict(anonymous.cookies)
    assert anonymous.post("/logout").status_code == 404  # a form of ours names its origin
    assert anonymous.post("/logout", headers={"Origin": console.url}).status_code == 200
    anonymous.cookies.update(kept)
    assert anonymous.get("/").status_code == 401


def test_a_session_outlives_the_console_but_not_the_control_plane_s_word(
    anonymous: httpx.Client, control: StandIn, console: ConsoleProcess
) -> None:
    logged_in(anonymous, control)
    console.stop(kill=True)
    console.start()
    assert anonymous.get("/").status_code == 200
    console.stop(kill=True)
    control.end_sessions()
    console.start()
    assert anonymous.get("/").status_code == 401


def test_while_the_control_plane_is_away_a_link_is_kept_and_visitors_stay_in(anonymous: httpx.Client, control: StandIn) -> None:
    logged_in(anonymous, control)
    code = control.create_code()
    control.stop()
    answer = anonymous.get("/login", params={"code": code})
    assert answer.status_code == 503
    assert "still good" in answer.text
    assert anonymous.get("/").status_code == 200
    control.start()
    assert anonymous.get("/login", params={"code": code}).status_code == 303


def test_without_logins_everybody_on_this_machine_may_look(control: StandIn, tmp_path: Path) -> None:
    process = ConsoleProcess(control.url, tmp_path)
    process.start("--no-auth")
    try:
        assert httpx.get(process.url, trust_env=False).status_code == 200
        assert httpx.get(process.url, headers={"Host": "evil.example"}, trust_env=False).status_code == 403
    finally:
        assert process.stop() == 0


def test_it_ends_cleanly_and_takes_its_run_file_with_it(console: ConsoleProcess) -> None:
    assert console.run_file.exists()
    assert console.stop() == 0
    assert not console.run_file.exists()


def command(*options: str, token: str = "t" * 30) -> subprocess.CompletedProcess[str]:
    environment = {"FLYBALL_TOKEN": token, "PATH": ""}
    return subprocess.run(
        [sys.executable, "-m", "flyball.console", *options], env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def test_a_taken_port_is_named_with_the_option_that_changes_it(console: ConsoleProcess) -> None:
    done = command("--port", str(console.port))
    assert done.returncode == 7
    assert f":{console.port}" in done.stderr
    assert "--port" in done.stderr


def test_without_a_token_it_says_where_one_is_looked_for(tmp_path: Path) -> None:
    done = command(token="")
    assert done.returncode == 2
    assert "FLYBALL_TOKEN" in done.stderr
    assert command("--token-file", str(tmp_path / "none")).returncode == 2


def test_nobody_else_s_machine_may_look_without_a_login() -> None:
    done = command("--no-auth", "--host", "0.0.0.0")  # noqa: S104  it must be refused
    assert done.returncode == 2
    assert "0.0.0.0" in done.stderr  # noqa: S104  as above
