"""Letting an amplifier board sleep, and keeping it awake: pure decisions, from a `Board` to offers and plans.

The kernel suspends a USB device by itself, `power/autosuspend_delay_ms` after the last use, once `power/control`
says auto; there is no "suspend now". It refuses, silently, as long as usbhid wants remote wakeup of a device that
has none (drivers/usb/core/driver.c, autosuspend_check): so writing auto succeeds and the board stays awake.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from backends.contract import Arg, Expect, Offer, Plan, Refused, Step, Unknown
from backends.hardware.boards import HELD, hid_interface, power_evidence
from backends.hardware.helper import LONGEST_DELAY
from backends.kinds import Board

LET_SLEEP, KEEP_AWAKE = "let-sleep", "keep-awake"
USUAL_DELAY = 2000  # ms; the kernel's default (usbcore.autosuspend)
GRACE = 5.0  # seconds beyond the delay until the board must be seen asleep


class Operation(Struct, frozen=True):
    """One call of the helper, and what the operator is told about it."""

    argv: tuple[str, ...]
    step: Step


def keeps_awake(board: Board) -> bool:
    """Whether the HID interface by itself keeps this board from sleeping."""
    return board.hid == HELD and board.wakeup == "none"


def offers(board: Board, no_access: str) -> tuple[Offer, ...]:
    """`no_access` says why this process may not change a board's power ("" if it may)."""
    delay = Arg("delay", "idle time before it sleeps", "ms", (), 0, LONGEST_DELAY, str(_delay(board)))
    return (
        Offer(
            board.id,
            LET_SLEEP,
            "let the amplifier sleep",
            args=(delay,),
            blocked=blocked(LET_SLEEP, board) or no_access,
        ),
        Offer(board.id, KEEP_AWAKE, "keep the amplifier awake", blocked=blocked(KEEP_AWAKE, board) or no_access),
    )


def blocked(action: str, board: Board) -> str:
    """Why the action would change nothing, or "". An action that changes nothing could not be seen to fail."""
    match action, board.policy:
        case _, Unknown(detail=detail):
            return f"its power policy is not known: {detail}"
        case "keep-awake", policy:
            return "it is kept awake already" if policy == "on" else ""
        case "let-sleep", "auto" if board.power == "suspended":
            return "it is asleep already"
        case "let-sleep", "auto" if not keeps_awake(board) and not _never(board):
            return "it may sleep already; whatever uses it now keeps it awake"
        case "let-sleep", _:
            return ""
    return f"there is no action {action}"


def operations(action: str, board: Board, delay: int, device: Path) -> tuple[Operation, ...]:
    """What the action does, in order. `device` is the board's directory in sysfs, for the shell equivalents."""
    port = board.id.local
    if action == KEEP_AWAKE:
        text = f"board {port} never sleeps: power/control=on"
        return (Operation(("usb-power", port, "on"), Step(text, _tee("on", device / "power/control"))),)
    text = f"board {port} may sleep after {delay} ms without use, if no player keeps it open: power/control=auto"
    shell = _tee(str(delay), device / "power/autosuspend_delay_ms") + " && " + _tee("auto", device / "power/control")
    allow = Operation(("usb-power", port, "auto", str(delay)), Step(text, shell))
    if not keeps_awake(board):
        return (allow,)
    text = f"release the HID interface of board {port}: usbhid keeps the board awake, which has no remote wakeup"
    shell = _tee("0", device / f"{port}:1.{hid_interface(board)}" / "authorized")
    return allow, Operation(("usb-release-hid", port), Step(text, shell))


def plan(offer: Offer, args: Mapping[str, str], board: Board, device: Path) -> Plan:
    """Raises Refused for a delay that is none, and for an action that would change nothing."""
    if reason := blocked(offer.action, board):
        raise Refused(reason)
    delay = _delay(board)
    if offer.action == LET_SLEEP and (given := args.get("delay")):
        if not given.isascii() or not given.isdigit() or int(given) > LONGEST_DELAY:
            raise Refused(f"the delay is a whole number of ms, 0 to {LONGEST_DELAY}")
        delay = int(given)
    steps = operations(offer.action, board, delay, device)
    asleep = Expect(board.id, "power", "suspended", delay / 1000 + GRACE)
    awake = (Expect(board.id, "policy", "on", GRACE), Expect(board.id, "power", "active", GRACE))
    return Plan(
        offer=offer,
        args={"delay": str(delay)} if offer.action == LET_SLEEP else {},
        steps=tuple(operation.step for operation in steps),
        expect=(asleep,) if offer.action == LET_SLEEP else awake,
        interrupts=("the board's own keys (volume, play) go dead until it is plugged in again",)
        if len(steps) > 1
        else (),
        based_on=power_evidence(board),
    )


def _delay(board: Board) -> int:
    return int(board.delay) if isinstance(board.delay, int) and board.delay >= 0 else USUAL_DELAY


def _never(board: Board) -> bool:
    """A negative delay means "never" (Documentation/driver-api/usb/power-management.rst)."""
    return isinstance(board.delay, int) and board.delay < 0


def _tee(value: str, path: Path) -> str:
    return f"echo {value} | sudo tee {path}"
