"""Names a board's sound card by its USB port, by a udev rule that keeps the name. Pure.

Boards without a serial number look the same, and ALSA numbers and names their cards in the order of discovery: DAC,
DAC_1, DAC_2... A player that uses such a name may play to another room after the next start. A name by the port stays
with the room. The id's form and its uniqueness: sound/core/init.c, id_store().
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from backends.contract import Arg, Expect, Offer, Plan, Refused, Risk, Unknown, clean
from backends.hardware.operation import Operation, call, to_file
from backends.helper import udev_rules
from backends.kinds import Board
from backends.shell import quoted, shell

NAME, UNNAME = "name-card", "unname-card"
NO_NAME = "none"
ALIKE = "boards without a serial number: their sound cards are named in the order in which they are found"
WITHIN = 4.0  # seconds until the new name must be seen


def named(text: str) -> str:
    """The name that such a rule gives; NO_NAME if none."""
    match = re.search(r'ATTR\{id\}="([A-Za-z0-9_-]{1,15})"', text)
    return match[1] if match else NO_NAME


def offers(board: Board, no_access: str) -> tuple[Offer, ...]:
    """The default for the name is the card's present name."""
    lacking = _lacking(board)
    name = Arg("name", "card id", default="" if lacking else str(board.card), names=True)
    alike = not lacking and board.named == NO_NAME and isinstance(board.serial, Unknown)
    unnamed = "no rule of foh's names it" if board.named == NO_NAME else ""
    return (
        Offer(
            board.id,
            NAME,
            "name its card by this port",
            Risk.DISRUPTIVE,
            (name,),
            lacking or no_access,
            setup=ALIKE if alike else "",
        ),
        Offer(board.id, UNNAME, "let the system name its card", blocked=lacking or unnamed or no_access),
    )


def _lacking(board: Board) -> str:
    """Why no card can be named, or ""."""
    for value in (board.card, board.ids, board.named):
        if isinstance(value, Unknown):
            return value.detail
    return ""


def operations(action: str, args: Mapping[str, str], board: Board, rules: Path) -> tuple[Operation, ...]:
    """`rules` is udev's folder. Raises Refused."""
    if lacking := _lacking(board):
        raise Refused(lacking)
    port, path = board.id.local, rules / udev_rules.name_file(board.id.local)
    if action == UNNAME:
        if board.named == NO_NAME:
            raise Refused("no rule of foh's names it")
        text = f"remove the udev rule that names the card at USB port {port}"
        return (Operation(call(("usb-unname-card", port), text, shell(("rm", str(path)))), "named", NO_NAME),)
    name = args.get("name", "")
    if not udev_rules.is_card_id(name):
        raise Refused(f"a card's id has 1 to 15 letters, digits, - and _, not {clean(name, 40)!r}")
    if board.card == name and board.named == name:
        raise Refused(f"it is called {name} already")
    text = f"call the card at USB port {port} {name}, now and each time this model is plugged in here: by a udev rule"
    now = f"echo {name} | tee /sys/bus/usb/devices/{quoted(port)}/*/sound/card*/id"
    script = f"{to_file(path, *udev_rules.name_rule(port, str(board.ids), name).splitlines())}; {now}"
    return (Operation(call(("usb-name-card", port, name), text, script), "named", name),)


def plan(offer: Offer, args: Mapping[str, str], board: Board, rules: Path, taken: Mapping[str, str]) -> Plan:
    """`taken` maps each id in use to its card. Raises Refused."""
    (todo,) = operations(offer.action, args, board, rules)
    expect = Expect(board.id, todo.field, todo.wanted, WITHIN)
    if offer.action == UNNAME:
        return Plan(offer, {}, (todo.step,), (expect,))
    name = args["name"]
    if board.card != name and name in taken:
        raise Refused(f"{taken[name]} is called {name} now: name that one otherwise first")
    lost = (f"who plays to {board.card} by that name finds it no more: tell its player {name}",)
    now = Expect(board.id, "card", name, WITHIN)
    return Plan(offer, {"name": name}, (todo.step,), (expect, now), lost if board.card != name else ())
