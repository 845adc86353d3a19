"""Resets the USB port of a board: pure functions from a `Board` to an offer and a plan.

When a device is deauthorized, the kernel removes its configuration: its drivers release it, and its sound card goes.
When it is authorized again, the kernel configures it again (drivers/usb/core/hub.c, usb_deauthorize_device and
usb_authorize_device). The device is not electrically reset, and keeps its number and its power settings. Its interfaces
are new, and lose their settings.
"""

from __future__ import annotations

from pathlib import Path

from backends.contract import Evidence, Expect, Offer, Plan, Risk, Test
from backends.hardware.boards import RELEASED, RULE
from backends.hardware.operation import Operation, call
from backends.hardware.power import GRACE
from backends.helper.boards import PAUSE
from backends.kinds import Board
from backends.shell import quoted

REPLUG = "replug"
CARD = "its sound card disappears and comes back: what plays through it is silent until playback is restarted"
KEYS = "its HID interface, released now, is bound again, because no udev rule releases it: it can keep the board awake"


def offer(board: Board, no_access: str) -> Offer:
    """`no_access` says why this process may not do it ("" if it may)."""
    return Offer(board.id, REPLUG, "reset the USB port", Risk.DISRUPTIVE, blocked=no_access)


def operations(board: Board, device: Path) -> tuple[Operation, ...]:
    """`device` is the board's directory in sysfs, for the shell equivalent."""
    file, port = device / "authorized", board.id.local
    text = f"take board {port} away from its drivers and give it back: authorized=0, then 1. Its power policy stays"
    script = f"echo 0 >{quoted(str(file))}; sleep {PAUSE:g}; echo 1 >{quoted(str(file))}"
    counted = board.configured if isinstance(board.configured, int) else 0
    return (Operation(call(("usb-replug", port), text, script), "configured", counted, Test.DIFFERS),)


def plan(offer: Offer, board: Board, device: Path) -> Plan:
    (todo,) = operations(board, device)
    undone = board.hid == RELEASED and board.rule != RULE
    said = board.proof("authorized")
    # The count is part of the plan's basis: plugging the board in after the plan was shown would have raised it.
    counted = Evidence("times configured", "udev", board.at, str(todo.wanted))
    return Plan(
        offer=offer,
        args={},
        steps=(todo.step,),
        expect=(Expect(board.id, todo.field, todo.wanted, GRACE, todo.test),),
        interrupts=(CARD, KEYS) if undone else (CARD,),
        based_on=(*said, counted),
    )
