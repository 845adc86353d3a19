"""What the containers' rules find."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from backends.containers.rules import broken, failed, stopped
from backends.contract import Gone, Id, Key, Link, Offer, Resource, Severity, Unknown, Verdict
from backends.kinds import Instance, Operation
from tests.backends.worlds import FakeView

ID = Id("venue", "instance", "web1")
OP = Id("venue", "operation", "7")


def one(end: Resource | None = None) -> FakeView:
    """A view in which the operation leads to one instance, or nowhere."""
    return FakeView(ends={(OP, "instance"): end} if end else {})


def web(state: str | Unknown, autostart: bool | Unknown = True, blocked: str = "") -> Instance:
    return Instance(
        id=ID, name="web1", state=state, autostart=autostart, offers=(Offer(ID, "start", "start", blocked=blocked),)
    )


@pytest.mark.parametrize(
    ("instance", "found", "undecided"),
    [
        (web("Stopped"), 1, False),
        (web("Stopped", False), 0, False),
        (web("Running"), 0, False),
        (web(Unknown()), 0, True),
        (web("Stopped", Unknown()), 0, True),
        (Gone(ID, None, 0.0), 0, False),
    ],
)
def test_stopped(instance: Instance | Gone, found: int, undecided: bool) -> None:
    verdict = stopped(instance, one())
    assert (len(verdict.findings), verdict.undecided) == (found, undecided)


def test_the_remedy_is_offered_only_when_it_can_be_done() -> None:
    (now,), (later,) = stopped(web("Stopped"), one()).findings, stopped(web("Stopped", blocked="busy"), one()).findings
    assert (now.remedies[0].action, now.remedies[0].target) == ("start", ID)
    assert (later.remedies[0].action, later.remedies[0].text) == ("", "busy")


@pytest.mark.parametrize(
    ("state", "severity"),
    [("Error", Severity.CRIT), ("Frozen", Severity.WARN), ("Running", None), ("Stopped", None), ("Starting", None)],
)
def test_broken(state: str, severity: Severity | None) -> None:
    findings = broken(web(state), one()).findings
    assert [finding.severity for finding in findings] == ([severity] if severity else [])


def operation(state: str, **more: Any) -> Operation:
    fields: dict[str, Any] = {"what": "Starting instance", "subject": "web1", "error": "no such network"}
    links = (Link("instance", Key("instance", "web1", "venue")),)
    return Operation(**({"id": OP, "name": "x", "state": state, "links": links} | fields | more))


def test_a_failed_operation_blames_its_instance() -> None:
    (finding,) = failed(operation("Failure"), one(web("Stopped"))).findings
    assert (finding.code, finding.about, finding.root) == ("LXD-OPERATION-FAILED", OP, ID)
    assert "no such network" in finding.cause
    assert finding.severity is Severity.WARN


@pytest.mark.parametrize(
    ("kept", "what", "action"), [(True, "Starting", "start"), (True, "Copying", ""), (False, "Starting", "")]
)
def test_what_does_not_come_back_with_its_memory_can_be_started_without(kept: bool, what: str, action: str) -> None:
    end = structs.replace(web("Stopped"), kept=kept)
    (finding,) = failed(operation("Failure", what=f"{what} instance"), one(end)).findings
    last = finding.remedies[-1]
    assert (last.action, last.args) == (action, {"memory": "forget"} if action else {})


def test_failed_housekeeping_is_worth_a_note() -> None:
    (finding,) = failed(operation("Failure", links=()), one()).findings
    assert (finding.severity, finding.root) == (Severity.INFO, OP)


@pytest.mark.parametrize("state", ["Running", "Success", "Cancelled"])
def test_other_ends_are_none(state: str) -> None:
    assert failed(operation(state), one()) == Verdict()
