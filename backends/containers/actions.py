"""What is done to an instance, worked out as data. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from backends.containers.model import Place
from backends.contract import Evidence, Expect, Offer, Plan, Refused, Step, Test, Unknown, clean
from backends.kinds import Instance

PATIENCE = 30  # seconds that a clean shutdown may take
USUAL = ("/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket")
_SNAPSHOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}").fullmatch


class Call(Struct, frozen=True):
    """The REST call that does it."""

    method: str
    path: str
    body: dict[str, Any]
    within: float


def plan(place: Place, instance: Instance, project: str, offer: Offer, args: Mapping[str, str], now: float) -> Plan:
    """Works out an offer on an instance that was just read. Raises Refused."""
    if offer.blocked:
        raise Refused(offer.blocked)
    given = {arg.name: args.get(arg.name) or arg.default for arg in offer.args}
    how, snapshot = given.get("how", ""), given.get("name", "")
    if how not in ("", "clean", "force"):
        raise Refused(f"how must be clean or force, not {clean(how)!r}")
    if (memory := given.get("memory", "")) not in ("", "restore", "forget"):
        raise Refused(f"memory must be restore or forget, not {clean(memory)!r}")
    known = () if isinstance(instance.snapshots, Unknown) else instance.snapshots
    if offer.action == "snapshot" and not _SNAPSHOT(snapshot):
        raise Refused("a snapshot's name is letters, digits, dots, dashes and underscores, at most 63 of them")
    if snapshot in known:
        raise Refused(f"there is a snapshot {snapshot} already")
    state, pid = Expect(instance.id, "state", "Running", 20), instance.pid
    expect: tuple[Expect, ...]
    match offer.action:
        case "start" | "unfreeze":
            expect = (state,)
        case "stop":
            expect = (Expect(instance.id, "state", "Stopped", PATIENCE + 5),)
        case "restart":
            old = None if isinstance(pid, Unknown) else pid
            expect = (Expect(instance.id, "pid", old, PATIENCE + 15, Test.DIFFERS), state)
        case "snapshot":
            expect = (Expect(instance.id, "snapshots", snapshot, 60, Test.CONTAINS),)
        case _:
            raise Refused(f"LXD offers no {offer.action}")
    return Plan(
        offer=offer,
        args=given,
        steps=(Step(text(instance.name, offer.action, given), shell(place, project, instance, offer, given)),),
        expect=expect,
        interrupts=(f"everything that runs in {instance.name}",) if offer.action in ("stop", "restart") else (),
        based_on=(Evidence("state", f"{place.socket} GET /1.0/instances", now, clean(instance.state)),),
    )


WORDS = {
    "force": " by killing it",
    "clean": f", {PATIENCE} s to shut down",
    "restore": " with what it had in memory when it was stopped",
    "forget": " anew, and forget what it had in memory when it was stopped",
}


def text(name: str, action: str, args: Mapping[str, str]) -> str:
    """The step in words."""
    if action == "snapshot":
        return f"take snapshot {args['name']} of {name}"
    return f"{action} {name}" + WORDS.get(args.get("how") or args.get("memory", ""), "")


def shell(place: Place, project: str, instance: Instance, offer: Offer, args: Mapping[str, str]) -> str:
    """The `lxc` command that does the same."""
    verb = "start" if offer.action == "unfreeze" else offer.action  # `lxc start` unfreezes
    words = ["lxc", verb, instance.id.local.rpartition("/")[2]]
    if offer.action == "snapshot":
        words.append(args["name"])
    elif args.get("how") == "force":
        words.append("--force")
    elif args.get("how") == "clean":
        words += ["--timeout", str(PATIENCE)]
    elif args.get("memory") == "forget":  # without it, `lxc start` restores
        words.append("--stateless")
    line = shlex.join([*words, "--project", project])
    return line if place.socket in USUAL else f"LXD_SOCKET={shlex.quote(place.socket)} {line}"


def call(name: str, action: str, args: Mapping[str, str]) -> Call:
    """The REST call for an action on the instance of that name."""
    path = f"/1.0/instances/{quote(name, safe='')}"
    if action == "snapshot":
        return Call("POST", f"{path}/snapshots", {"name": args["name"], "stateful": False}, 60)
    force = args.get("how") == "force"
    body: dict[str, Any] = {"action": action}
    if args.get("memory") == "restore":  # not said, LXD deletes it (lxd/instance/drivers/driver_lxc.go, Start)
        body["stateful"] = True
    if action in ("stop", "restart"):
        body |= {"force": force, "timeout": PATIENCE}
    return Call("PUT", f"{path}/state", body, PATIENCE + 15 if action in ("stop", "restart") and not force else 20)
