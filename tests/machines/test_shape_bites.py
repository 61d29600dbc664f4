"""The shape checker finds each rule broken, and nothing in what keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.shape import BODY_LINES, METHODS, MODULE_LINES, broken_in, broken_rules

PATH = "src/flyball/sample/model.py"
LONG_BODY = "\n".join(["def f() -> None:", '    """Law."""', *["    pass"] * (BODY_LINES + 1)])
MANY_METHODS = "\n".join(["class C:", *[f"    def m{number}(self) -> None: ..." for number in range(METHODS + 1)]])

BREAKS = {
    "long module": (PATH, "\n" * (MODULE_LINES + 1), "at most 500"),
    "long body": (PATH, LONG_BODY, "f has a body of 51 lines"),
    "long body of a method": (PATH, f"class C:\n{LONG_BODY}".replace("\n", "\n    "), "f has a body of 51 lines"),
    "too many methods": (PATH, MANY_METHODS, "class C has 26 methods"),
    "too many arguments": (PATH, "def f(*, a, b, c, d, e, g, h): ...", "f takes 7 arguments; at most 6"),
    "too many by place": (PATH, "def f(a, b, c): ...", "f takes 3 arguments by place"),
    "too many by place in a method": (PATH, "class C:\n    def f(self, a, b, c): ...", "f takes 3 arguments by place"),
    "too many by place in a static method": (PATH, "class C:\n    @staticmethod\n    def f(a, b, c): ...", "f takes 3 arguments by place"),
    "too many by place inside a function": (PATH, "def f():\n    def g(a, b, c): ...", "g takes 3 arguments by place"),
    "a module that is no thing": ("src/flyball/sample/utils.py", "", "'utils' is not the noun"),
    "a package that is no thing": ("src/flyball/common/model.py", "", "'common' is not the noun"),
    "code in a face": ("src/flyball/sample/__init__.py", "x = 1", "re-exports and does nothing else"),
    "a function in a face": ("src/flyball/sample/__init__.py", "def f(): ...", "re-exports and does nothing else"),
    "a suppression without code": (PATH, "x = 1  # noqa", "needs its codes"),
    "a suppression without reason": (PATH, "x = 1  # noqa: E501", "needs its codes"),
    "a type suppression without reason": (PATH, "x = 1  # type: ignore[arg-type]", "needs its codes"),
}
KEPT = {
    "a face": ("src/flyball/sample/__init__.py", '"""Law."""\nfrom a import b\n__all__ = ["b"]\n'),
    "keyword-only after two": (PATH, "class C:\n    def f(self, a, b, *, c, d, e, g): ..."),
    "a command of Typer": (PATH, "@app.command()\ndef f(a, b, c, d, e, g, h): ..."),
    "a pytest fixture": (PATH, "@pytest.fixture\ndef f(a, b, c): ..."),
    "what the language fixes": (PATH, "class C:\n    def __exit__(self, kind, error, traceback): ..."),
    "what ASGI fixes": (PATH, "class C:\n    async def __call__(self, scope, receive, send): ..."),
    "a suppression with its reason": (PATH, "x = 1  # noqa: E501  the address cannot be split"),
    "a body at the limit": (PATH, LONG_BODY.removesuffix("    pass")),
    "a docstring is no body": (PATH, 'def f():\n    """Law.' + "\n" * 80 + '    """\n'),
    "words in a string": (PATH, 'x = "# noqa"'),
}


@pytest.mark.parametrize(("path", "source", "sentence"), BREAKS.values(), ids=BREAKS)
def test_break_is_caught(path: str, source: str, sentence: str) -> None:
    found = [str(broken) for broken in broken_rules(path, source)]
    assert len(found) == 1
    assert sentence in found[0]


@pytest.mark.parametrize(("path", "source"), KEPT.values(), ids=KEPT)
def test_what_keeps_the_rules_passes(path: str, source: str) -> None:
    assert broken_rules(path, source) == []


def test_files_are_named_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("\n")
    assert [str(broken) for broken in broken_in([tmp_path / "helpers.py"], tmp_path)] == [
        "helpers.py:1: 'helpers' is not the noun of a thing"
    ]
