"""Lets an amplifier board sleep, or keeps it awake: pure functions from a `Board` to offers and plans.

With `power/control` at auto the kernel suspends a USB device `power/autosuspend_delay_ms` after the last use; there is
no "suspend now". It silently refuses while usbhid requires remote wakeup from a device that has none
(drivers/usb/core/driver.c, autosuspend_check): writing auto succeeds and the board stays awake. The kernel forgets
these settings when the board is unplugged, so a udev rule has to restore them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from backends.contract import Arg, Expect, Offer, Plan, Refused, Unknown
from backends.hardware.boards import HELD, NO_RULE, RELEASED, RULE, hid_interface, power_evidence
from backends.hardware.operation import Operation, call, to_file
from backends.helper import udev_rules
from backends.helper.boards import LONGEST_DELAY, SYSTEM, Folders
from backends.kinds import Board
from backends.shell import quoted, shell

LET_SLEEP, KEEP_AWAKE = "let-sleep", "keep-awake"
USUAL_DELAY = 2000  # ms; the kernel's default (usbcore.autosuspend)
GRACE = 5.0  # seconds beyond the delay until the board must be seen asleep


def keeps_awake(board: Board) -> bool:
    """Whether the HID interface keeps this board awake. It does only if it is open."""
    return board.hid == HELD and board.wakeup == "none" and board.power != "suspended"


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
    """Why the action would change nothing, or "". The failure of such an action could not be seen."""
    if action not in (LET_SLEEP, KEEP_AWAKE):
        return f"there is no action {action}"
    if isinstance(board.policy, Unknown):
        return f"its power policy is not known: {board.policy.detail}"
    if operations(action, board, _delay(board), Path(), SYSTEM):
        return ""
    if action == KEEP_AWAKE:
        return "it is kept awake already"
    return "it is asleep already" if board.power == "suspended" else "it may sleep already; what uses it keeps it awake"


def operations(action: str, board: Board, delay: int, device: Path, where: Folders) -> tuple[Operation, ...]:
    """The remaining steps of the action, in order. `device` is the board's directory in sysfs, and `where` the trees
    for the shell equivalents."""
    done = _keep_awake(board, device, where) if action == KEEP_AWAKE else _let_sleep(board, delay, device, where)
    return tuple(done)


def _let_sleep(board: Board, delay: int, device: Path, where: Folders) -> list[Operation]:
    port, releases = board.id.local, keeps_awake(board)
    found = []
    if board.rule == NO_RULE or (board.rule == RULE and (releases or board.delay != delay)):
        text = f"keep it so when board {port} is plugged in again: a udev rule for this model at this port"
        released = releases or board.hid == RELEASED
        rule = udev_rules.sleep_rule(port, str(board.ids), delay, released)
        script = to_file(where.rules / udev_rules.sleep_file(port), *rule.splitlines())
        argv = ("usb-keep-rule", port, str(delay), *(["release-hid"] if released else []))
        found.append(Operation(call(argv, text, script), "rule", RULE))
    if board.policy != "auto" or board.delay != delay:
        text = f"board {port} may sleep after {delay} ms without use, if no player keeps it open: power/control=auto"
        files = ((str(delay), "power/autosuspend_delay_ms"), ("auto", "power/control"))
        script = " && ".join(_write(value, device / name) for value, name in files)
        found.append(Operation(call(("usb-power", port, "auto", str(delay)), text, script), "policy", "auto"))
    if releases:
        text = f"release the HID interface of board {port}: usbhid keeps the board awake, which has no remote wakeup"
        script = _write("0", device / f"{port}:1.{hid_interface(board)}" / "authorized")
        found.append(Operation(call(("usb-release-hid", port), text, script), "hid", RELEASED))
    return found


def _keep_awake(board: Board, device: Path, where: Folders) -> list[Operation]:
    port = board.id.local
    found = []
    if board.rule == RULE:
        text = f"remove the udev rule that lets board {port} sleep"
        script = shell(("rm", str(where.rules / udev_rules.sleep_file(port))))
        found.append(Operation(call(("usb-forget-rule", port), text, script), "rule", NO_RULE))
    if board.hid == RELEASED:
        text = f"give board {port} its keys (volume, play) back: bind its HID interface again"
        interface = f"{port}:1.{hid_interface(board)}"
        script = _write("1", device / interface / "authorized")
        script += " && " + _write(interface, where.sysfs / "bus/usb/drivers_probe")
        found.append(Operation(call(("usb-restore-hid", port), text, script), "hid", HELD))
    if board.policy != "on":
        text = f"keep board {port} powered: power/control=on"
        step = call(("usb-power", port, "on"), text, _write("on", device / "power/control"))
        found.append(Operation(step, "policy", "on"))
    return found


def plan(offer: Offer, args: Mapping[str, str], board: Board, device: Path, where: Folders, used: bool) -> Plan:
    """`used`: something plays through it now, so it cannot be seen asleep. Raises Refused for an invalid delay, and if
    nothing would change."""
    delay = _delay(board)
    if offer.action == LET_SLEEP and (given := args.get("delay")):
        if not given.isascii() or not given.isdigit() or int(given) > LONGEST_DELAY:
            raise Refused(f"the delay is a whole number of ms, 0 to {LONGEST_DELAY}")
        delay = int(given)
    todo = operations(offer.action, board, delay, device, where)
    if offer.action not in (LET_SLEEP, KEEP_AWAKE) or isinstance(board.policy, Unknown) or not todo:
        raise Refused(blocked(offer.action, board))
    expect = [Expect(board.id, each.field, each.wanted, GRACE) for each in todo]
    if offer.action == KEEP_AWAKE:
        expect.append(Expect(board.id, "power", "active", GRACE))
    elif not used:
        expect.append(Expect(board.id, "power", "suspended", delay / 1000 + GRACE))
    deaf = any(each.argv[0] == "usb-release-hid" for each in todo)
    return Plan(
        offer=offer,
        args={"delay": str(delay)} if offer.action == LET_SLEEP else {},
        steps=tuple(operation.step for operation in todo),
        expect=tuple(expect),
        interrupts=("the board's own keys (volume, play) go dead",) if deaf else (),
        based_on=power_evidence(board),
    )


def _delay(board: Board) -> int:
    return int(board.delay) if isinstance(board.delay, int) and board.delay >= 0 else USUAL_DELAY


def never_suspends(board: Board) -> bool:
    """A negative delay means "never" (Documentation/driver-api/usb/power-management.rst)."""
    return isinstance(board.delay, int) and board.delay < 0


def _write(value: str, path: Path) -> str:
    return f"echo {value} >{quoted(str(path))}"
