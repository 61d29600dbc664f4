"""What a client does that is an event is told with who did it."""

from __future__ import annotations

from flyball.core.events import Event
from flyball.storage.events import EventQuery
from tests.asking import PREFIX, Door


def told(door: Door, subject: str) -> list[Event]:
    return door.services.registry._parts.log.list(EventQuery(subject=subject))


def ask(door: Door, path: str, **body: object) -> dict[str, dict[str, dict[str, str]]]:
    answer = door.owner.post(f"{PREFIX}{path}", json=body, headers={"Flyball-Actor": "ada"})
    assert answer.status_code == 200, answer.text
    found: dict[str, dict[str, dict[str, str]]] = answer.json()
    return found


def test_a_run_s_life_is_told_with_who_led_it(door: Door) -> None:
    run = ask(door, "runs/create", experiment_id="0")["run"]["info"]["run_id"]
    ask(door, "runs/update", run_id=run, status="FINISHED")
    for _ in range(2):
        ask(door, "runs/delete", run_id=run)
    ask(door, "runs/restore", run_id=run)
    found = told(door, f"run/{run}")
    assert [event.type for event in found] == ["run.started", "run.finished", "run.deleted", "run.restored"]
    assert {event.actor for event in found} == {"ada"}


def test_an_experiment_s_life_is_told_with_who_led_it(door: Door) -> None:
    made = ask(door, "experiments/create", name="audited")["experiment_id"]
    ask(door, "experiments/delete", experiment_id=made)
    ask(door, "experiments/restore", experiment_id=made)
    found = told(door, f"experiment/{made}")
    assert [event.type for event in found] == ["experiment.created", "experiment.deleted", "experiment.restored"]
    assert {event.actor for event in found} == {"ada"}
