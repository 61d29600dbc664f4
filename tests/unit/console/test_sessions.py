"""Who may look, in the console's own memory: trusted for a minute, refused for seconds, kept while nobody can be asked."""

from __future__ import annotations

import pytest

from flyball.console.sessions import LIMIT, REFUSE_SECONDS, TRUST_SECONDS, Admission, Everybody, Sessions
from flyball.core.clock import ManualTimer
from flyball.core.errors import UnavailableError
from tests.unit.console.planes import MemoryPlane

CODE = "c" * 24


@pytest.fixture
def plane() -> MemoryPlane:
    return MemoryPlane(codes={CODE})


@pytest.fixture
def timer() -> ManualTimer:
    return ManualTimer()


@pytest.fixture
def sessions(plane: MemoryPlane, timer: ManualTimer) -> Sessions:
    return Sessions(plane, timer)


def admitted(sessions: Sessions) -> Admission:
    admission = sessions.admit(CODE)
    assert admission is not None
    return admission


def test_a_code_is_exchanged_once(sessions: Sessions) -> None:
    assert sessions.knows(admitted(sessions).token)
    assert sessions.admit(CODE) is None


def test_a_session_is_asked_for_again_after_a_minute_only(sessions: Sessions, plane: MemoryPlane, timer: ManualTimer) -> None:
    token = admitted(sessions).token
    plane.asked.clear()
    assert all(sessions.knows(token) for _ in range(100))
    assert plane.asked == []
    plane.sessions.clear()
    timer.sleep(TRUST_SECONDS)
    assert not sessions.knows(token)


def test_a_refusal_is_remembered_for_seconds_only(sessions: Sessions, plane: MemoryPlane, timer: ManualTimer) -> None:
    token = "t" * 30
    assert not any(sessions.knows(token) for _ in range(50))
    assert plane.asked == ["session"]
    plane.sessions.add(token)
    timer.sleep(REFUSE_SECONDS)
    assert sessions.knows(token)


def test_who_was_in_stays_in_while_nobody_can_be_asked_and_nobody_else_comes(
    sessions: Sessions, plane: MemoryPlane, timer: ManualTimer
) -> None:
    token = admitted(sessions).token
    plane.away = True
    timer.sleep(10 * TRUST_SECONDS)
    plane.asked.clear()
    assert all(sessions.knows(token) for _ in range(20))
    assert plane.asked == ["session"], "not every file of a page waits for a control plane that hangs"
    assert not sessions.knows("other" * 6)
    with pytest.raises(UnavailableError):
        sessions.admit(CODE)


@pytest.mark.parametrize("token", [None, "", "short", "x" * 257, "line\nbreak" * 4, "<script>" * 4])
def test_what_is_no_token_is_not_asked_for(sessions: Sessions, plane: MemoryPlane, token: str | None) -> None:
    assert not sessions.knows(token)
    assert plane.asked == []


def test_a_flood_of_wrong_cookies_logs_nobody_out_and_is_not_kept(sessions: Sessions, plane: MemoryPlane) -> None:
    token = admitted(sessions).token
    for number in range(3 * LIMIT):
        assert not sessions.knows(f"wrong-cookie-{number:08}")
    plane.away = True
    assert sessions.knows(token)
    assert len(sessions._answers) == LIMIT


def test_a_dismissed_session_is_out_even_when_the_control_plane_is_away(sessions: Sessions, plane: MemoryPlane) -> None:
    token = admitted(sessions).token
    plane.away = True
    with pytest.raises(UnavailableError):
        sessions.dismiss(token)
    assert not sessions.knows(token)


def test_no_secret_is_printed(sessions: Sessions) -> None:
    admission = admitted(sessions)
    assert admission.token not in repr(admission)
    assert admission.token not in str(sessions._answers)


def test_everybody_is_known_where_nobody_is_asked() -> None:
    assert Everybody().knows(None)
    assert Everybody().admit(CODE) is None
