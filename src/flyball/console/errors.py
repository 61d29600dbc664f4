"""What can go wrong in the console, each as a sentence that stands on the page."""

from __future__ import annotations

from flyball.core.errors import ConflictError, IntegrityError, InvalidError


class AnswerError(IntegrityError):
    """The control plane's answer has a form that this console does not know."""

    code = "answer-not-understood"

    def __init__(self, found: str) -> None:
        super().__init__(
            f"The control plane's answer is not understood: {found.rstrip('.')}. Run the console and the control plane from the same "
            "version of Flyball."
        )


class PortTakenError(ConflictError):
    """Another process listens there, or the address is not this machine's."""

    code = "port-taken"

    def __init__(self, host: str, port: int, *, why: str) -> None:
        super().__init__(f"The console cannot listen on {host}:{port}: {why}. Choose another port with --port.")
        self.port = port


class TokenMissingError(InvalidError):
    """The control plane would refuse every question."""

    code = "token-missing"

    def __init__(self) -> None:
        super().__init__("The console has no token for the control plane. Set FLYBALL_TOKEN, or name its file with --token-file.")


class ReasonMissingError(InvalidError):
    """Nobody would know later why."""

    code = "reason-missing"

    def __init__(self) -> None:
        super().__init__("Write a reason: it is recorded with your decision, and read when somebody asks why.")
