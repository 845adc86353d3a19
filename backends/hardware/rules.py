"""The rules about amplifier boards and their hubs: gone, never asleep, kept awake."""

from __future__ import annotations

from collections.abc import Sequence

from backends.contract import (
    Evidence,
    Finding,
    Gone,
    Id,
    Key,
    Link,
    Remedy,
    Resource,
    Rule,
    Severity,
    Unknown,
    Verdict,
    View,
)
from backends.hardware.boards import BANNED, HID_DRIVER, HOLDERS, power_evidence
from backends.hardware.enumerator import parent
from backends.hardware.power import LET_SLEEP, keeps_awake, never_suspends
from backends.hardware.usbfs import NOBODY
from backends.kinds import PLAYBACK, Board, Hub, Pcm, Zone
from backends.shell import quoted

REPLUG = 3.0  # seconds that a board may be without its drivers: it is being reset
MARGIN = 3.0  # seconds beyond the autosuspend delay before a waking board is called kept awake


def gone(board: Board | Gone, view: View) -> Verdict:
    """USB-BOARD-GONE: it is not at its port. Critical while a zone that depends on it says playing."""
    if isinstance(board, Board):
        return Verdict()
    port, zones = board.id.local, _zones(board, view)
    playing = [zone.name for zone in zones if zone.state == "playing"]
    doubtful = [zone.name for zone in zones if isinstance(zone.state, Unknown)]
    if playing:
        verb = "is" if len(playing) == 1 else "are"
        cause = f"{_names(playing)} {verb} silent: no amplifier at USB port {port}"
    elif zones:
        verb = "has" if len(zones) == 1 else "have"
        cause = f"{_names([zone.name for zone in zones])} {verb} no amplifier at USB port {port}"
    elif board.last is None:
        cause = f"the board expected at USB port {port} is missing"
    else:
        cause = f"the board at USB port {port} is gone"
    founding = Finding(
        "USB-BOARD-GONE",
        Severity.CRIT if playing else Severity.WARN,
        board.id,
        cause,
        (Evidence("port", f"/sys/bus/usb/devices/{port}", board.since, "no such device"),),
        f"whether anything plays in {_names(doubtful)}" if doubtful else "",
        (Remedy(f"plug it back into port {port}, or check its cable and its power"),),
        _lost_hub(board.id, view),
    )
    return Verdict((founding, *(_silent(zone, board) for zone in zones if zone.state == "playing")))


def hub_gone(hub: Hub | Gone, view: View) -> Verdict:
    """USB-HUB-GONE: it is not at its port, and everything plugged into it is gone as well."""
    if isinstance(hub, Hub) or (hub.last is not None and not view.back(hub, "hub")):
        return Verdict()
    port = hub.id.local
    cause = f"the hub at USB port {port} is gone" if hub.last else f"the hub expected at USB port {port} is missing"
    evidence = (Evidence("port", f"/sys/bus/usb/devices/{port}", hub.since, "no such device"),)
    remedy = Remedy(f"plug it back into port {port}, or check its cable and its power")
    finding = Finding(
        "USB-HUB-GONE", Severity.WARN, hub.id, cause, evidence, remedies=(remedy,), blames=_lost_hub(hub.id, view)
    )
    return Verdict((finding,))


def _lost_hub(id: Id, view: View) -> Id | None:
    """The hub of a missing device, if it is missing as well. The port's name gives the hub, even for a device that was
    never seen."""
    above = Link("hub", Key("id", f"hub/{parent(id.local)}", id.host), f"the port's name, {id.local}")
    hub = view.follow(Resource(id=id, name=id.local, links=(above,)), "hub")
    return hub.id if isinstance(hub, Gone) else None


def _silent(zone: Zone, board: Gone) -> Finding:
    """The finding about the zone, where people notice it."""
    cause, evidence = "silent: it says playing, but its amplifier is gone", zone.proof(PLAYBACK)
    return Finding("ZONE-NO-BOARD", Severity.CRIT, zone.id, cause, evidence, blames=board.id)


def switched_off(board: Board | Gone, view: View) -> Verdict:
    """USB-NOT-AUTHORIZED: it is plugged in, and no driver may use it. Critical while a zone says playing."""
    if isinstance(board, Gone) or board.power != BANNED:
        return Verdict()
    since, _ = view.since(board, "power")
    if view.now - since < REPLUG:
        return Verdict(undecided=True, recheck_at=since + REPLUG)
    zones = _zones(board, view)
    playing = [zone.name for zone in zones if zone.state == "playing"]
    whose = f": no sound in {_names([zone.name for zone in zones])}" if zones else ""
    cause = f"the board at USB port {board.id.local} is switched off in the kernel{whose}"
    severity = Severity.CRIT if playing else Severity.WARN
    remedy = Remedy("reset its USB port, then restart playback", "replug", board.id)
    doubt = "what switched it off: a program, or the policy of its hub (authorized_default)"
    return Verdict(
        (Finding("USB-NOT-AUTHORIZED", severity, board.id, cause, board.proof("authorized"), doubt, (remedy,)),)
    )


def never_sleeps(board: Board | Gone, view: View) -> Verdict:
    """USB-AUTOSUSPEND-OFF: the kernel's default for everything but hubs, power/control=on."""
    match board:
        case Board(policy=Unknown()):
            return Verdict(undecided=True)
        case Board(policy="on"):
            why = "its power policy is 'on' (sound is fine)"
            cause = f"the amplifier at USB port {board.id.local} stays powered when idle: {why}"
            return Verdict((_finding("USB-AUTOSUSPEND-OFF", board, cause, (to_sleep(board),)),))
    return Verdict()


def kept_awake(board: Board | Gone, view: View) -> Verdict:
    """USB-AUTOSUSPEND-BLOCKED: it may sleep and nothing uses it, but it stays awake."""
    if isinstance(board, Gone):
        return Verdict()
    pcms = [pcm for pcm in view.back(board, "board") if isinstance(pcm, Pcm)]
    if not _known(board, pcms):
        return Verdict(undecided=True)
    if not _idle(board, pcms):
        return Verdict()
    assert isinstance(board.delay, int)
    runs = [view.since(board, "policy", "power", "delay"), *(view.since(pcm, "state") for pcm in pcms)]
    since, hold = max(start for start, _ in runs), max(0, board.delay) / 1000 + MARGIN
    if view.now - since < hold:  # not seen for long enough
        used = any(start == since and _differs(before) for start, before in runs)
        return Verdict(undecided=not used, recheck_at=since + hold)
    where, reasons = f"the amplifier at USB port {board.id.local}", blockers(board)
    doubt = board.holders.detail if isinstance(board.holders, Unknown) else ""
    if not reasons:
        cause, doubt = f"{where} stays powered though nothing uses it", doubt or "what keeps it awake"
        look = Remedy(f"read the kernel's log: sudo dmesg | grep {quoted(f'usb {board.id.local}')}")
        return Verdict((_finding("USB-AUTOSUSPEND-BLOCKED", board, cause, (look,), doubt),))
    cause = f"{where} stays powered when idle: " + "; ".join(text for text, _, _ in reasons)
    cures = [cure for _, _, cure in reasons]
    once = tuple(cure for at, cure in enumerate(cures) if cure not in cures[:at])
    return Verdict((_finding("USB-AUTOSUSPEND-BLOCKED", board, cause, once, doubt),))


def blockers(board: Board) -> list[tuple[str, tuple[Evidence, ...], Remedy]]:
    """What keeps an unused board awake that may sleep: text, evidence and remedy."""
    found = []
    if isinstance(board.holders, str) and board.holders != NOBODY:
        end = Remedy("stop that program, or make it read sysfs instead")
        found.append((f"{board.holders} has its USB node open", board.proof(HOLDERS), end))
    if keeps_awake(board):
        text = "usbhid holds its HID interface, and it has no remote wakeup"
        found.append((text, board.proof(HID_DRIVER, "power/wakeup"), to_sleep(board)))
    if never_suspends(board):
        said = board.proof("power/autosuspend_delay_ms")
        found.append(("a negative autosuspend delay means never", said, to_sleep(board)))
    return found


def _known(board: Board, pcms: Sequence[Pcm]) -> bool:
    values = (board.policy, board.power, board.delay, *(pcm.state for pcm in pcms))
    return not any(isinstance(value, Unknown) for value in values)


def _idle(board: Board, pcms: Sequence[Pcm]) -> bool:
    """Whether the board should fall asleep: it may, it is awake, and none of its PCMs is open."""
    return board.policy == "auto" and board.power == "active" and all(pcm.state == "closed" for pcm in pcms)


def _differs(before: Resource | None) -> bool:
    """Whether it is known to have been different: in use or asleep, not just unknown."""
    match before:
        case Board():
            return _known(before, ())
        case Pcm(state=state):
            return not isinstance(state, Unknown)
    return False


def _zones(board: Board | Gone, view: View) -> list[Zone]:
    """The zones that play through the board: linked to it or to one of its PCMs."""
    direct: list[Resource] = list(view.back(board, "board"))
    through = [zone for pcm in direct if isinstance(pcm, Pcm) for zone in view.back(pcm, "pcm")]
    found = {zone.id: zone for zone in (*direct, *through) if isinstance(zone, Zone)}
    return [found[key] for key in sorted(found)]


def _names(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def to_sleep(board: Board) -> Remedy:
    return Remedy("let the amplifier sleep when nothing plays", LET_SLEEP, board.id)


def _finding(code: str, board: Board, cause: str, remedies: tuple[Remedy, ...], not_known: str = "") -> Finding:
    evidence = (*board.proof(HOLDERS), *power_evidence(board))
    return Finding(code, Severity.WARN, board.id, cause, evidence, not_known, remedies)


RULES = (
    Rule("board-gone", "board", gone),
    Rule("hub-gone", "hub", hub_gone),
    Rule("board-switched-off", "board", switched_off),
    Rule("board-never-sleeps", "board", never_sleeps),
    Rule("board-kept-awake", "board", kept_awake),
)
