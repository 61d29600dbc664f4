"""A place to listen at is one, or it is said which option to change."""

from __future__ import annotations

import pytest

from flyball.app.listening import bind
from flyball.app.settings import SettingError


@pytest.mark.parametrize("port", [-1, 65536, 99999])
@pytest.mark.parametrize(("field", "option"), [("serve_port", "--serve-port"), ("grpc_port", "--grpc-port")])
def test_a_number_that_is_no_port_is_refused_by_the_option_s_name(port: int, field: str, option: str) -> None:
    with pytest.raises(SettingError, match=f"{option} is {port}"):
        bind("127.0.0.1", port, field=field)


def test_any_free_one_will_do() -> None:
    with bind("127.0.0.1", 0, field="serve_port") as found:
        assert found.getsockname()[1] > 0
