"""What can be wrong with a project, a backtest or a question about one."""

from __future__ import annotations

from pathlib import Path

from flyball.core.errors import ConflictError, InvalidError


class ProjectFileError(InvalidError):
    """The project file cannot be read as one project."""

    code = "project-file"

    def __init__(self, path: Path, reason: str, *, line: int | None = None) -> None:
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {reason}")
        self.path, self.line = path, line


class DeclarationError(InvalidError):
    """A declaration contradicts itself."""

    code = "declaration"

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")


class CheckError(InvalidError):
    """`check` found the project wrong; every problem is named."""

    code = "check"

    def __init__(self, project: str, problems: list[str]) -> None:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"Project {project!r} has {len(problems)} problem{'s' if len(problems) > 1 else ''}:\n{lines}")
        self.problems = problems


class LeadError(InvalidError):
    """Rows are not yet known when they are to be predicted."""

    code = "lead"

    def __init__(self, model: str, *, lead: str, known: str, dataset: str) -> None:
        super().__init__(
            f"Model {model!r} predicts {lead} before the event, but rows of {dataset!r} are known only {known}. "
            f"Shorten `lead`, or declare `known_before` as long as `lead` if rows are known by then."
        )


class PolicyError(InvalidError):
    """Not a policy of a backtest."""

    code = "policy"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a policy. Write 'never', 'declared' or 'every:30d' (any duration).")


class NothingToReplayError(ConflictError):
    """The history ends before the first training could begin."""

    code = "nothing-to-replay"

    def __init__(self, model: str, *, first: str, end: str) -> None:
        super().__init__(
            f"Model {model!r} would be trained first at {first}, but its rows end at {end}. Shorten `history`, or add later rows."
        )
