"""The boundary against naive oracles: what is not one of ours never passes, and sessions are what a list of moments says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from flyball.core.clock import ManualTimer
from flyball.governance import Authority, HostGuard, OwnerToken, Role, Sessions
from flyball.governance.errors import ForeignHostError, ForeignOriginError, LoginCodeError

OURS = ("127.0.0.1:8500", "localhost:8500", "[::1]:8500")
GUARD = HostGuard.of("127.0.0.1", 8500)
TOKEN = "A-owner_token" + "0" * 30
NEAR = st.text(alphabet="127.0localhost:8500[]@/#?. \x00é", max_size=20)


def passes(host: str | None, origin: str | None) -> bool:
    try:
        GUARD.check(host, origin)
    except (ForeignHostError, ForeignOriginError):
        return False
    return True


@given(st.text(max_size=30) | NEAR | st.sampled_from(OURS), st.none() | NEAR | st.sampled_from([f"http://{ours}" for ours in OURS]))
def test_only_our_names_pass(host: str, origin: str | None) -> None:
    ours = host.lower() in OURS
    of_ours = origin is None or origin.lower() in {f"{scheme}://{name}" for name in OURS for scheme in ("http", "https")}
    assert passes(host, origin) is (ours and of_ours)


@given(st.text(max_size=80) | st.just(f"Bearer {TOKEN}") | st.text(max_size=3).map(lambda more: f"Bearer {TOKEN}{more}"))
def test_only_the_token_is_the_owner(header: str) -> None:
    scheme, _, secret = header.partition(" ")
    expected = scheme.lower() == "bearer" and secret.strip() == TOKEN
    assert (Authority(OwnerToken(TOKEN)).caller(header).role is Role.OWNER) is expected


class Logins(RuleBasedStateMachine):
    """Codes of 10 s and sessions of 25 s, at most 3 of each, against two lists of (secret, end)."""

    codes, tokens = Bundle("codes"), Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.timer = ManualTimer()
        self.sessions = Sessions(self.timer, code_seconds=10, session_seconds=25, limit=3)
        self.good_codes: list[tuple[str, float]] = []
        self.good_tokens: list[tuple[str, float]] = []

    def _forget(self) -> None:
        now = self.timer.seconds()
        self.good_codes = [kept for kept in self.good_codes if kept[1] > now]
        self.good_tokens = [kept for kept in self.good_tokens if kept[1] > now]

    @rule(target=codes)
    def create(self) -> str:
        code = self.sessions.create_code()
        self._forget()
        self.good_codes = [*self.good_codes, (code, self.timer.seconds() + 10)][-3:]
        return code

    @rule(target=tokens, code=codes)
    def exchange(self, code: str) -> str:
        self._forget()
        good = code in [kept for kept, _ in self.good_codes]
        try:
            session = self.sessions.exchange(code)
        except LoginCodeError:
            assert not good
            return ""
        assert good
        self.good_codes = [kept for kept in self.good_codes if kept[0] != code]
        self.good_tokens = [*self.good_tokens, (session.token, self.timer.seconds() + 25)][-3:]
        return session.token

    @rule(token=consumes(tokens))
    def end(self, token: str) -> None:
        self.sessions.end(token)
        self.good_tokens = [kept for kept in self.good_tokens if kept[0] != token]

    @rule(token=tokens)
    def verify(self, token: str) -> None:
        self._forget()
        assert self.sessions.verify(token) is (token in [kept for kept, _ in self.good_tokens])

    @rule()
    def end_all(self) -> None:
        self.sessions.end_all()
        self.good_codes, self.good_tokens = [], []

    @rule(seconds=st.sampled_from([0.5, 4, 10, 25]))
    def pass_time(self, seconds: float) -> None:
        self.timer.sleep(seconds)

    @invariant()
    def good_ones_are_good(self) -> None:
        self._forget()
        assert all(self.sessions.verify(token) for token, _ in self.good_tokens)


TestLogins = Logins.TestCase
