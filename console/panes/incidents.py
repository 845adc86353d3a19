"""The list of incidents, and everything about the selected one. Pure."""

from __future__ import annotations

from rich.cells import cell_len

from backends.contract import Evidence, Gone, Id
from console.line import Line, Row, fit
from console.panes.cells import age, moment, proof
from console.panes.resources import MARKS
from console.panes.text import commanded, labelled
from console.venue.incidents import Incident, command
from console.venue.venue import Venue

WHERE, AGE, OWNER = 10, 5, 10  # cells; where it is gets more on a wide screen
BRIEFLY = 3  # pieces of evidence beside the list; Enter shows all


def rows(venue: Venue, now: float, width: int, filter: str = "") -> list[Row]:
    """One line an incident, worst first. The sign in front says crit, warn or info in a letter."""
    incidents = venue.incidents.ordered(now)
    where = max(WHERE, min(width // 7, max((cell_len(incident.where) for incident in incidents), default=0)))
    what = max(8, width - 5 - where - AGE - OWNER - 1)
    head = f"   {fit('WHERE', where)} {fit('WHAT IS WRONG', what)} {'AGE':>{AGE}} {fit('OWNER', OWNER - 1)} "
    found: list[Row] = [(None, ((fit(head, width), "head"),))]
    for incident in incidents:
        if filter.casefold() in f"{incident.where} {incident.what} {incident.code}".casefold():
            found.append((incident.key, _row(incident, now, where, what)))
    if len(found) == 1:
        calm = "no incidents" if venue.complete else "reading…"
        found.append(
            (None, ((fit("   " + (calm if not filter else f"no incident matches {filter!r}"), width), "dim"),))
        )
    return found


def _row(incident: Incident, now: float, where: int, what: int) -> Line:
    quiet, effects = incident.is_silenced(now), len(incident.findings) - 1
    owner = "silenced" if quiet else incident.acked_by
    style = "dim" if owner else MARKS[incident.severity][1]
    since = age(coarse(now - incident.opened))
    said = _with_effects(incident.what, effects, what)
    return (
        (" " + MARKS[incident.severity][0] + " ", style),
        (fit(incident.where, where) + " ", style),
        (fit(said, what) + " ", "dim" if owner else ""),
        (f"{since:>{AGE}} ", ""),
        (fit(owner, OWNER - 1) + " ", "dim"),
    )


def _with_effects(text: str, effects: int, width: int) -> str:
    """What is wrong and how much follows from it, in words where there is room for them."""
    if not effects:
        return text
    words = f" +{effects} effect" + ("s" if effects > 1 else "")
    more = words if cell_len(text + words) <= width else f" +{effects}"
    return fit(text, width - len(more)).rstrip() + more


def coarse(seconds: float) -> float:
    """An age in steps that a still screen can afford: seconds by ten, then minutes."""
    return seconds // 10 * 10 if seconds < 60 else seconds


def trouble(
    venue: Venue, incident: Incident | None, now: float, width: int, actions: bool = True, whole: bool = False
) -> list[Line]:
    """The chain, the evidence, what is unsure and what to press, for one incident. `whole`: all of it."""
    if incident is None:
        calm = "nothing is wrong" if venue.complete else "reading…"
        return [(("-" * width, "dim"),), ((fit(" " + calm, width), "dim"),)]
    lines: list[Line] = [(("-" * width, "dim"),), _chain(venue, incident, width)]
    lines += labelled("cause", f"{incident.what}  [{incident.code}]", width)
    for finding in incident.findings:
        if finding is not incident.findings[0]:
            lines += labelled("effect", f"{venue.name_of(finding.about)}: {finding.cause}  [{finding.code}]", width)
    proofs = _evidence(incident)
    for evidence in proofs if whole else proofs[:BRIEFLY]:
        if whole:
            where = f"{evidence.read_from}, {moment(venue.clock.wall(evidence.at))}"
            lines += labelled("evidence", proof(evidence, where), width)
        else:
            lines += labelled("evidence", _brief(evidence), width, most=1)
    for unknown in dict.fromkeys(finding.not_known for finding in incident.findings if finding.not_known):
        lines += labelled("unsure", unknown, width)
    keyed = False
    for number, remedy in enumerate(incident.remedies, 1):
        label = "fix" if number == 1 else ""
        key = "f " if remedy.action and actions and not keyed else ""
        keyed = keyed or bool(key)
        lines += labelled(label, f"{number}  {key}{remedy.text}", width)
        if how := command(remedy):
            lines += commanded(how, width)
    return lines


def _evidence(incident: Incident) -> list[Evidence]:
    return [evidence for finding in incident.findings for evidence in finding.evidence]


def _brief(evidence: Evidence) -> str:
    """One line: the file's or the call's last part is enough to recognise it."""
    where = evidence.read_from
    if len(where) > 36:
        where = "…" + where[-35:]
    return proof(evidence, where)


def _chain(venue: Venue, incident: Incident, width: int) -> Line:
    """`zone bar --- pcm 3 -X- board 1-1.3.2`: X stands where the path is broken."""
    start = next((f.about for f in incident.findings if f.about != incident.root), incident.root)
    entry = venue.state.get(start)
    path = [start, *(venue.resolver.chain(entry) if entry else ())]
    if incident.root not in path:
        path.append(incident.root)
    spans: list[tuple[str, str]] = []
    for id in path:
        kind = venue.state.kinds.get(id.kind)
        if kind and not kind.in_chain and id != incident.root:
            continue
        broken = id == incident.root or isinstance(venue.state.get(id), Gone)
        if spans:
            spans.append((" -X- " if broken else " --- ", "crit" if broken else "dim"))
        elif broken:
            spans.append(("X ", "crit"))
        spans.append((f"{id.kind} {_name(venue, id)}", "crit" if broken else ""))
    return (("  ", ""), *spans)


def _name(venue: Venue, id: Id) -> str:
    name = venue.name_of(id)
    return name if len(name) <= 24 else name[:23] + "…"
