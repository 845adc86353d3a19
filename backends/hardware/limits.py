"""Judges what a bus can carry: streams through a transaction translator, current at a port.

A full-speed device behind a high-speed hub talks through that hub's transaction translator, which has the whole
bandwidth of one full-speed bus: one for all its ports (single), or one for each (multi).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from backends.contract import Finding, Gone, Remedy, Resource, Rule, Severity, Unknown, Verdict, View
from backends.hardware.boards import OVER_CURRENT
from backends.hardware.enumerator import at_port
from backends.kinds import Board, Hub, Pcm

# A stereo stream of 16 bits at 48 kHz has 192 bytes a frame. They take 157 us of the 900 us for periodic transfers
# (drivers/usb/core/usb.c, usb_calc_bus_time; ehci-sched.c): the sixth is refused with "not enough bandwidth".
STREAMS = 5
FULL_SPEED = 12  # Mbit/s
RECENT = 600.0  # seconds for which an over-current is a warning: the kernel only counts them, without end


def crowded(hub: Hub | Gone, view: View) -> Verdict:
    """USB-TT-FULL: more boards behind one transaction translator than can play at once. Does not judge a root hub: its
    controller manages the bandwidth itself."""
    if isinstance(hub, Gone) or hub.translators != "single" or hub.id.local.startswith("usb"):
        return Verdict(undecided=isinstance(hub, Hub) and isinstance(hub.translators, Unknown))
    boards = list(_behind(hub, view))
    playing = [board for board in boards if _plays(board, view)]
    if len(boards) <= STREAMS:
        return Verdict()
    full = len(playing) >= STREAMS
    cause = f"hub {hub.id.local} has one transaction translator for {len(boards)} boards: {STREAMS} can play at once"
    if full:
        cause += f", and {len(playing)} play now: one more will be refused"
    evidence = hub.proof("bDeviceProtocol")
    remedy = Remedy("move boards to another hub, or take a hub with a translator for each port (multi-TT)")
    severity = Severity.WARN if full else Severity.INFO
    return Verdict((Finding("USB-TT-FULL", severity, hub.id, cause, evidence, "", (remedy,)),))


def _behind(hub: Hub, view: View) -> Iterator[Board]:
    """The full-speed boards that use this hub's translator: on its own ports, and on full-speed hubs below it."""
    for below in view.back(hub, "hub"):
        match below:
            case Board(speed=speed) if speed == FULL_SPEED:
                yield below
            case Hub(speed=speed) if speed == FULL_SPEED:
                yield from _behind(below, view)


def _plays(board: Board, view: View) -> bool:
    return any(isinstance(pcm, Pcm) and pcm.state == "RUNNING" for pcm in view.back(board, "board"))


def over_current(hub: Hub | Gone, view: View) -> Verdict:
    """USB-OVER-CURRENT: the hub has switched a port off because of a short circuit or overload. It is only information
    if it was long ago, or before this program started."""
    if isinstance(hub, Gone) or isinstance(hub.over_currents, Unknown):
        return Verdict(undecided=isinstance(hub, Hub))
    counts = {at_port(hub.id.local, number): count for number, count in enumerate(hub.over_currents, 1) if count}
    if not counts:
        return Verdict()
    since, before = view.since(hub, "over_currents")
    risen = _risen(hub, before) if view.now - since <= RECENT else {}
    proofs = hub.proof(OVER_CURRENT)
    remedy = Remedy("look for a short in the cable or the board; give the hub a supply that carries all its boards")
    if not risen:
        cause = f"the hub has counted over-currents at USB port {_listed(counts)}"
        doubt = "when: the kernel only counts them, until the hub is plugged in again"
        finding = Finding("USB-OVER-CURRENT", Severity.INFO, hub.id, cause, proofs, doubt, (remedy,))
        return Verdict((finding,))
    cause = f"over-current at USB port {_listed(risen)}: the hub has cut it off"
    finding = Finding("USB-OVER-CURRENT", Severity.WARN, hub.id, cause, proofs, "", (remedy,))
    return Verdict((finding,), recheck_at=since + RECENT)


def _risen(hub: Hub, before: Resource | None) -> dict[str, str]:
    """The ports whose over-current count rose since `before`, with both counts."""
    past = before.over_currents if isinstance(before, Hub) else ()
    if isinstance(past, Unknown) or isinstance(hub.over_currents, Unknown):
        return {}
    pairs = enumerate(zip(past, hub.over_currents, strict=False), 1)  # another hub may have a different number of ports
    return {at_port(hub.id.local, number): f"count {was} to {now}" for number, (was, now) in pairs if now > was}


def _listed(ports: Mapping[str, object]) -> str:
    return ", ".join(f"{port} ({what})" for port, what in ports.items())


RULES = (
    Rule("hub-crowded", "hub", crowded),
    Rule("hub-over-current", "hub", over_current),
)
