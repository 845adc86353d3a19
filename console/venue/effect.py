"""How what is observed after a run compares with what was expected. Pure."""

from __future__ import annotations

from msgspec import Struct, structs

from backends.contract import Expect, Gone, Plan, Resource, Test, Unknown, clean


class Outcome(Struct, frozen=True):
    """How an action ended. `ok` only if everything expected was observed."""

    ok: bool
    text: str
    at: float = 0.0  # when the last of what was expected had been observed
    word: str = ""  # as the journal has it: done, failed, unknown; or going, where this process does not wait for it

    def __post_init__(self) -> None:
        if not self.word:
            structs.force_setattr(self, "word", "done" if self.ok else "failed")


def met(expect: Expect, resource: Resource | Gone | None) -> bool:
    """Whether an observed resource shows what was expected. What is unknown or gone shows nothing."""
    if resource is None or isinstance(resource, Gone):
        return False
    value = getattr(resource, expect.field, None)
    if value is None or isinstance(value, Unknown):
        return False
    match expect.test:
        case Test.EQUALS:
            return bool(value == expect.wanted)
        case Test.DIFFERS:
            return bool(value != expect.wanted)
        case Test.NEAR:
            wanted = expect.wanted
            return isinstance(value, int | float) and isinstance(wanted, int | float) and abs(value - wanted) <= 1
        case Test.CONTAINS:
            return expect.wanted in value
        case Test.LACKS:
            return expect.wanted not in value


def seen(expect: Expect, resource: Resource | Gone | None) -> str:
    """What was observed instead, for the operator."""
    if resource is None or isinstance(resource, Gone):
        return f"{expect.target.local} is gone"
    value = getattr(resource, expect.field, None)
    said = f"unknown ({value.why}: {value.detail})" if isinstance(value, Unknown) else clean(value, 60)
    wanted = {Test.DIFFERS: "something else than ", Test.CONTAINS: "to hold ", Test.LACKS: "not to hold "}
    return f"{expect.what} is {said}, expected {wanted.get(expect.test, '')}{expect.wanted}"


def basis(plan: Plan) -> tuple[object, ...]:
    """What must not have changed between showing a plan and running it."""
    return plan.steps, plan.interrupts, tuple((e.what, e.raw) for e in plan.based_on)
