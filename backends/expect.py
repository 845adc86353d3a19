"""How what is observed after a run compares with what its plan expected. Pure."""

from __future__ import annotations

from backends.contract import Expect, Gone, Plan, Resource, Test, Unknown, clean


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


def miss(expect: Expect, resource: Resource | Gone | None) -> str:
    """What was observed instead of what was expected, for the operator."""
    if resource is None or isinstance(resource, Gone):
        return f"{expect.target.local} is gone"
    value = getattr(resource, expect.field, None)
    if isinstance(value, Unknown):
        return f"{expect.what} is unknown ({value.why}: {value.detail})"
    said, wanted = clean(value, 60), clean(expect.wanted, 60)
    match expect.test:
        case Test.DIFFERS:
            return f"{expect.what} is still {said}"
        case Test.CONTAINS:
            return f"{expect.what} is {said}, without {wanted}"
        case Test.LACKS:
            return f"{expect.what} still contains {wanted}"
    return f"{expect.what} is {said}, not {wanted}"


def basis(plan: Plan) -> tuple[object, ...]:
    """What must not have changed between showing a plan and running it."""
    return plan.steps, plan.interrupts, tuple((e.what, e.raw) for e in plan.based_on)
