"""A plan written out: what is done, what it interrupts, what it rests on, what must then be seen. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backends.contract import Expect, Plan, Risk, Test, clean
from console.line import Line, fit
from console.panes.cells import proof
from console.panes.text import commanded, labelled

_WORDS = {
    Test.EQUALS: "is",
    Test.DIFFERS: "is not",
    Test.NEAR: "is about",
    Test.CONTAINS: "contains",
    Test.LACKS: "does not contain",
}


def group_lines(
    plans: Mapping[str, Plan], left_out: Mapping[str, str], meanwhile: Sequence[str], width: int,
    note: str = "",
) -> list[Line]:  # fmt: skip
    """One plan, or several that are run side by side, by name, who is left out, and what else goes on in the venue; and
    a note about how it would be carried out."""
    whole = [line for name, plan in plans.items() for line in lines(plan, name, width)]
    whole[1:1] = [(line[0], (line[1][0], "warn")) for line in labelled("unrecorded", note, width) if note]
    whole[1:1] = [line for what in meanwhile for line in labelled("meanwhile", what, width)]
    if len(plans) == 1 and not left_out:
        return whole
    label = next(iter(plans.values())).offer.label
    out: list[Line] = [((fit(clean(f"{len(plans)} side by side: {label}"), width), "title"),)]
    for name, why in left_out.items():
        out += labelled("left out", clean(f"{name}: {why}", 400), width)
    return out + whole


def lines(plan: Plan, name: str, width: int) -> list[Line]:
    args = " ".join(f"{key}={value}" for key, value in plan.args.items())
    risk = "" if plan.offer.risk is Risk.ROUTINE else f"  [{plan.offer.risk}]"
    out: list[Line] = [((fit(clean(f"{name}: {plan.offer.label} {args}{risk}"), width), "title"),)]
    for what in plan.interrupts:
        out += [(line[0], (line[1][0], "warn")) for line in labelled("interrupts", what, width)]
    for number, step in enumerate(plan.steps, 1):
        out += labelled(f"step {number}", clean(step.text, 400), width)
        out += commanded(step.argv, width)
    for evidence in plan.based_on[:4]:
        out += labelled("evidence", proof(evidence, evidence.read_from), width, most=2)
    for expect in plan.expect:
        out += labelled("success", f"when {expectation(expect)}", width)
    return out


def expectation(expect: Expect) -> str:
    wanted = "yes" if expect.wanted is True else "no" if expect.wanted is False else clean(expect.wanted)
    return f"{expect.what} {_WORDS[expect.test]} {wanted} within {expect.within:g} s"
