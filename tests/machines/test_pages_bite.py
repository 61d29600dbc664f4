"""The reader of pages stumbles over each thing that is not so, and follows a true page to its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.pages import PageError, Reader, blocks

TICKS = "```"
EVENT = "event-0123456789abcdefghjkmnpqrs"
BREAKS = {
    "a command that fails": (f"{TICKS}console\n$ false\n{TICKS}\n", "`false` ended with 1"),
    "a command that is not there": (f"{TICKS}console\n$ flyball-nonsense\n{TICKS}\n", "ended with 127"),
    "an option that is not there": (f"{TICKS}console\n$ flyball check --nonsense\n{TICKS}\n", "ended with 2"),
    "another output": (f"{TICKS}console\n$ echo one\ntwo\n{TICKS}\n", "printed\none"),
    "a target that is not there": (f"{TICKS}console\n$ make nonsense\n{TICKS}\n", "make has no target nonsense"),
    "an event that nobody printed": (f"{TICKS}console\n$ flyball why EVENT\n{TICKS}\n", "no command before printed"),
    "Python that raises": (f"{TICKS}python\nimport flyball as fb\nfb.Modle\n{TICKS}\n", "AttributeError"),
    "Python that is none": (f"{TICKS}python\nx = (\n{TICKS}\n", "SyntaxError"),
    "another value": (f"{TICKS}python\n>>> 1 + 1\n3\n{TICKS}\n", "got '2\\n' and not '3\\n'"),
    "an example that raises": (f"{TICKS}python\n>>> 1 / 0\n{TICKS}\n", "ZeroDivisionError"),
    "in a list": (f"- so:\n\n  {TICKS}console\n  $ false\n  {TICKS}\n", "`false` ended with 1"),
}
TRUE = f"""
{TICKS}python
x = 1
{TICKS}
{TICKS}python
>>> x + 1
2
{TICKS}
{TICKS}console
$ mkdir inner
$ cd inner
$ echo "found {EVENT}" \\
  "and more"
found ...
$ test EVENT = {EVENT}
$ make test WORKERS=2
{TICKS}
{TICKS}text
anything
{TICKS}
"""


def reader(directory: Path) -> Reader:
    """Somebody before a page, with one make target."""
    return Reader("page.md", directory, frozenset({"test"}))


@pytest.mark.parametrize(("page", "sentence"), BREAKS.values(), ids=BREAKS)
def test_break_is_caught(tmp_path: Path, page: str, sentence: str) -> None:
    with pytest.raises(PageError) as caught:
        reader(tmp_path).follow(page)
    assert sentence in str(caught.value)


def test_true_page_is_followed_to_its_end(tmp_path: Path) -> None:
    follower = reader(tmp_path)
    assert follower.follow(TRUE) == 7
    assert follower.directory == tmp_path / "inner"


def test_line_is_that_of_the_page(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"^page\.md:5: "):
        reader(tmp_path).follow(f"one\n\n{TICKS}console\n$ true\n$ false\n{TICKS}\n")


def test_blocks_without_language_are_text() -> None:
    assert blocks(f"{TICKS}\n$ false\n{TICKS}\n") == []
