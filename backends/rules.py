"""The rules about sources of any backend."""

from __future__ import annotations

from backends.contract import Evidence, Finding, Gone, Rule, Severity, State, Verdict, View
from backends.kinds import SourceHealth

_CODES = {
    State.REFUSED: ("SOURCE-REFUSED", Severity.CRIT),
    State.HUNG: ("SOURCE-HUNG", Severity.CRIT),
    State.WRONG: ("SOURCE-WRONG", Severity.CRIT),
    State.DENIED: ("SOURCE-DENIED", Severity.WARN),
    State.ABSENT: ("SOURCE-ABSENT", Severity.WARN),
}


def unwell(source: SourceHealth | Gone, view: View) -> Verdict:
    """A source is not well: everything that it reported is unknown now."""
    if isinstance(source, Gone) or source.state == State.OK:
        return Verdict()
    if source.state not in _CODES:
        return Verdict(undecided=True)
    code, severity = _CODES[State(str(source.state))]
    unknown = "whether what it reports on still works"
    evidence = (Evidence("health", source.name, source.at, str(source.sentence)),)
    remedies = (source.remedy,) if source.remedy else ()
    return Verdict((Finding(code, severity, source.id, str(source.sentence), evidence, unknown, remedies),))


SOURCE_RULES = (Rule("unwell", "source", unwell),)
