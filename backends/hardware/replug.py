"""Resetting the USB port of a board: pure decisions, from a `Board` to an offer and a plan.

Of a device that is not authorized the kernel takes the configuration away: all its drivers let go of it, and its sound
card leaves. Authorized again, it is configured anew (drivers/usb/core/hub.c, usb_deauthorize_device and
usb_authorize_device). It is not reset, keeps its number, and what was written to its power files; its interfaces are
new ones, and forget what was written to theirs.
"""

from __future__ import annotations

from pathlib import Path

from backends.contract import Evidence, Expect, Offer, Plan, Risk, Test
from backends.hardware.boards import RELEASED, RULE
from backends.hardware.helper import PAUSE
from backends.hardware.operation import Operation, call
from backends.hardware.power import GRACE
from backends.kinds import Board

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
    script = f"echo 0 >{file}; sleep {PAUSE:g}; echo 1 >{file}"
    counted = board.configured if isinstance(board.configured, int) else 0
    return (Operation(call(("usb-replug", port), text, script), "configured", counted, Test.DIFFERS),)


def plan(offer: Offer, board: Board, device: Path) -> Plan:
    (todo,) = operations(board, device)
    undone = board.hid == RELEASED and board.rule != RULE
    said = board.proof("authorized")
    # The count is part of what the plan rests on: a board plugged in since it was shown would have fulfilled it.
    counted = Evidence("times configured", "udev", board.at, str(todo.wanted))
    return Plan(
        offer=offer,
        args={},
        steps=(todo.step,),
        expect=(Expect(board.id, todo.field, todo.wanted, GRACE, todo.test),),
        interrupts=(CARD, KEYS) if undone else (CARD,),
        based_on=(*said, counted),
    )
