"""Judges what a bus can carry: streams through a transaction translator, current at a port.

A full-speed device behind a high-speed hub talks through that hub's transaction translator, which has the whole
bandwidth of one full-speed bus: one for all its ports (single), or one for each (multi).
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.contract import Finding, Gone, Remedy, Resource, Rule, Severity, Unknown, Verdict, View
from backends.kinds import Board, Hub, Pcm

# A stereo stream of 16 bits at 48 kHz is 192 bytes a frame, which take 157 us of the 900 us that periodic transfers
# may use (drivers/usb/core/usb.c, usb_calc_bus_time; ehci-sched.c): the sixth is refused with "not enough bandwidth".
STREAMS = 5
FULL_SPEED = 12  # Mbit/s
RECENT = 600.0  # seconds for which an over-current is told: the kernel only counts them


def crowded(hub: Hub | Gone, view: View) -> Verdict:
    """USB-TT-FULL: more boards behind one transaction translator than can play at once. Of a controller's own ports
    (a root hub) nothing is known: it does its own accounts."""
    if isinstance(hub, Gone) or hub.translators != "single" or hub.id.local.startswith("usb"):
        return Verdict(undecided=isinstance(hub, Hub) and isinstance(hub.translators, Unknown))
    boards = list(_behind(hub, view))
    playing = [board for board in boards if _plays(board, view)]
    if len(boards) <= STREAMS:
        return Verdict()
    full = len(playing) >= STREAMS
    cause = f"hub {hub.id.local} has one transaction translator for {len(boards)} boards: {STREAMS} can play at once"
    if full:
        cause += f", and {len(playing)} play now: another one will be refused"
    evidence = tuple(each for each in hub.evidence if each.what == "bDeviceProtocol")
    remedy = Remedy("move boards to another hub, or take a hub with a translator for each port (multi-TT)")
    severity = Severity.WARN if full else Severity.INFO
    return Verdict((Finding("USB-TT-FULL", severity, hub.id, cause, evidence, "", (remedy,)),))


def _behind(hub: Hub, view: View) -> Iterator[Board]:
    """The full-speed boards that talk through this hub's translator: its own, and those of slower hubs below it."""
    for below in view.back(hub, "hub"):
        match below:
            case Board(speed=speed) if speed == FULL_SPEED:
                yield below
            case Hub(speed=speed) if speed == FULL_SPEED:
                yield from _behind(below, view)


def _plays(board: Board, view: View) -> bool:
    return any(isinstance(pcm, Pcm) and pcm.state == "RUNNING" for pcm in view.back(board, "board"))


def over_current(device: Board | Hub | Gone, view: View) -> Verdict:
    """USB-OVER-CURRENT: the hub has cut the port off, for a short or for too much load."""
    if isinstance(device, Gone) or not isinstance(device.over_current, int):
        return Verdict(undecided=not isinstance(device, Gone))
    since, before = view.since(device, "over_current")
    count = _count(before)
    if count is None or device.over_current <= count or view.now - since > RECENT:
        return Verdict()
    risen = f"count {count} to {device.over_current}"
    cause = f"over-current at USB port {device.id.local}: the hub has cut it off ({risen})"
    proofs = tuple(each for each in device.evidence if each.what == "over_current_count")
    remedy = Remedy("look for a short in the cable or the board; give the hub a supply that carries all its boards")
    finding = Finding("USB-OVER-CURRENT", Severity.WARN, device.id, cause, proofs, "", (remedy,))
    return Verdict((finding,), recheck_at=since + RECENT)


def _count(before: Resource | None) -> int | None:
    count = before.over_current if isinstance(before, Board | Hub) else None
    return count if isinstance(count, int) else None


RULES = (
    Rule("hub-crowded", "hub", crowded),
    Rule("board-over-current", "board", over_current),
    Rule("hub-over-current", "hub", over_current),
)
