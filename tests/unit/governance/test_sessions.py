"""Sessions: a code is good once, for a while; nothing that is kept opens anything."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest

from flyball.core.clock import ManualTimer
from flyball.governance import Sessions
from flyball.governance.errors import LoginCodeError


def test_a_code_opens_one_session() -> None:
    sessions = Sessions(ManualTimer())
    code = sessions.create_code()
    session = sessions.exchange(code)
    assert sessions.verify(session.token)
    assert not sessions.verify(code)
    with pytest.raises(LoginCodeError):
        sessions.exchange(code)
    with pytest.raises(LoginCodeError):
        sessions.exchange(session.token)


def test_codes_and_sessions_end_by_real_time() -> None:
    timer = ManualTimer()
    sessions = Sessions(timer, code_seconds=10, session_seconds=100)
    late, good = sessions.create_code(), sessions.create_code()
    timer.sleep(9)
    session = sessions.exchange(good)
    timer.sleep(1)
    with pytest.raises(LoginCodeError):
        sessions.exchange(late)
    timer.sleep(98)
    assert sessions.verify(session.token)
    timer.sleep(1)
    assert not sessions.verify(session.token)


def test_there_are_never_more_than_the_limit_and_the_oldest_go_first() -> None:
    sessions = Sessions(ManualTimer(), limit=3)
    codes = [sessions.create_code() for _ in range(5)]
    with pytest.raises(LoginCodeError):
        sessions.exchange(codes[1])
    opened = [sessions.exchange(code) for code in codes[2:]] + [sessions.exchange(sessions.create_code())]
    assert [sessions.verify(session.token) for session in opened] == [False, True, True, True]


def test_one_ends_alone_and_all_end_together() -> None:
    sessions = Sessions(ManualTimer())
    one, two = (sessions.exchange(sessions.create_code()) for _ in range(2))
    code = sessions.create_code()
    sessions.end(one.token)
    sessions.end(one.token)
    assert (sessions.verify(one.token), sessions.verify(two.token)) == (False, True)
    sessions.end_all()
    assert not sessions.verify(two.token)
    with pytest.raises(LoginCodeError):
        sessions.exchange(code)


def test_a_code_opens_one_session_whoever_comes_at_once() -> None:
    sessions = Sessions(ManualTimer())
    code, opened = sessions.create_code(), []

    def race() -> None:
        with contextlib.suppress(LoginCodeError):
            opened.append(sessions.exchange(code))

    threads = [threading.Thread(target=race) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1


def test_they_outlive_the_process_as_digests_in_a_file_of_the_owner_s(tmp_path: Path) -> None:
    timer, path = ManualTimer(1000), tmp_path / "run" / "sessions.json"
    before = Sessions(timer, path=path, session_seconds=60)
    session, code = before.exchange(before.create_code()), before.create_code()
    assert path.stat().st_mode & 0o777 == 0o600
    assert session.token not in path.read_text()
    assert code not in path.read_text()
    after = Sessions(timer, path=path, session_seconds=60)
    assert after.verify(session.token)
    assert after.verify(after.exchange(code).token)
    after.end_all()
    assert not Sessions(timer, path=path).verify(session.token)
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_a_timer_that_began_anew_prolongs_no_session_beyond_its_length(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    before = Sessions(ManualTimer(1_000_000), path=path, session_seconds=60)
    session = before.exchange(before.create_code())
    timer = ManualTimer(0)
    after = Sessions(timer, path=path, session_seconds=60)
    assert after.verify(session.token)
    timer.sleep(60)
    assert not after.verify(session.token)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"codes": {}}', '{"codes": [], "sessions": 3}'])
def test_a_damaged_file_ends_sessions_and_nothing_else(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sessions.json"
    path.write_text(content)
    sessions = Sessions(ManualTimer(), path=path)
    assert sessions.verify(sessions.exchange(sessions.create_code()).token)
