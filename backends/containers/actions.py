"""Plans the actions on an instance, as data. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from backends.containers.model import Place, reason, show_log
from backends.contract import Evidence, Expect, Id, Offer, Plan, Refused, Step, Test, Unknown, clean
from backends.kinds import Instance
from backends.shell import guarded

PATIENCE = 30  # seconds that a clean shutdown may take
QUICK = 20  # seconds: the deadline of an action without a wait
USUAL = ("/var/lib/lxd/unix.socket", "/var/snap/lxd/common/lxd/unix.socket")
_SNAPSHOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}").fullmatch


class RestCall(Struct, frozen=True):
    """The REST call of an action; `within` is its deadline in seconds."""

    method: str
    path: str
    body: dict[str, Any]
    within: float


def plan(place: Place, instance: Instance, project: str, offer: Offer, args: Mapping[str, str], now: float) -> Plan:
    """Plans an offer on an instance that was just read. Raises Refused."""
    if offer.blocked:
        raise Refused(offer.blocked)
    given = {arg.name: args.get(arg.name) or arg.default for arg in offer.args}
    snapshot = given.get("name", "")
    for arg in offer.args:
        if arg.choices and given[arg.name] not in arg.choices:
            raise Refused(f"{arg.name} must be {' or '.join(arg.choices)}, not {clean(given[arg.name])!r}")
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
            if given["how"] == "keep":
                expect += (Expect(instance.id, "kept", True, PATIENCE + 5),)
        case "restart":
            old = None if isinstance(pid, Unknown) else pid
            expect = (Expect(instance.id, "pid", old, PATIENCE + 15, Test.DIFFERS), state)
        case "snapshot":
            expect = (Expect(instance.id, "snapshots", snapshot, 60, Test.CONTAINS),)
        case _:
            raise Refused(f"LXD offers no {offer.action}")
    within = call(instance.name, offer.action, given).within
    return Plan(
        offer=offer,
        args=given,
        steps=(
            Step(
                offer.action,
                {"project": project, "instance": instance.id.local.rpartition("/")[2], **given},
                command(place, project, instance, offer, given),
                text(instance.name, offer.action, given),
            ),
        ),
        expect=expect,
        interrupts=(f"everything that runs in {instance.name}",) if offer.action in ("stop", "restart") else (),
        based_on=(Evidence("state", f"{place.socket} GET /1.0/instances", now, clean(instance.state)),),
        lasts=within if within > QUICK else 0,
    )


def done(instance: Instance, step: Step) -> bool | None:
    """Whether an instance that was just read shows a step's effect; None if that cannot be seen. Raises Refused while
    LXD is still busy with it."""
    offer = instance.offer("snapshot")
    if offer and offer.blocked:
        raise Refused(offer.blocked)
    state, snapshots = instance.state, instance.snapshots
    match step.do:
        case "start" | "unfreeze" if not isinstance(state, Unknown):
            return state == "Running"
        case "stop" if not isinstance(state, Unknown):
            return state == "Stopped"
        case "snapshot" if not isinstance(snapshots, Unknown):
            return step.args["name"] in snapshots
    return None


WORDS = {
    "force": " by killing it",
    "clean": f", {PATIENCE} s to shut down",
    "keep": " and keep what it has in memory for its next start",
    "restore": " with what it had in memory when it was stopped",
    "forget": " from scratch, and forget what it had in memory when it was stopped",
}


def text(name: str, action: str, args: Mapping[str, str]) -> str:
    """The step in words."""
    if action == "snapshot":
        return f"take snapshot {args['name']} of {name}"
    return f"{action} {name}" + WORDS.get(args.get("how") or args.get("memory", ""), "")


def command(place: Place, project: str, instance: Instance, offer: Offer, args: Mapping[str, str]) -> tuple[str, ...]:
    """The `lxc` command that does the same."""
    verb = "start" if offer.action == "unfreeze" else offer.action  # `lxc start` unfreezes
    names, words = [instance.id.local.rpartition("/")[2]], list[str]()
    if offer.action == "snapshot":
        names.append(args["name"])
    elif args.get("how") == "force":
        words.append("--force")
    elif args.get("how") == "keep":
        words.append("--stateful")
    elif args.get("how") == "clean":
        words += ["--timeout", str(PATIENCE)]
    elif args.get("memory") == "forget":  # without it, `lxc start` restores
        words.append("--stateless")
    there = () if place.socket in USUAL else ("env", f"LXD_SOCKET={place.socket}")
    words += ["--project", project]
    after = (*names, *words) if guarded(*names) == tuple(names) else (*words, *guarded(*names))
    return (*there, "lxc", verb, *after)


def call(name: str, action: str, args: Mapping[str, str]) -> RestCall:
    """The REST call for an action on the instance of that name."""
    path = f"/1.0/instances/{quote(name, safe='')}"
    if action == "snapshot":
        return RestCall("POST", f"{path}/snapshots", {"name": args["name"], "stateful": False}, 60)
    how, restore = args.get("how", ""), args.get("memory") == "restore"
    body: dict[str, Any] = {"action": action}
    if restore or how == "keep":  # without it LXD deletes the memory (lxd/instance/drivers/driver_lxc.go, Start)
        body["stateful"] = True
    if how:
        body |= {"force": how == "force", "timeout": PATIENCE}
    # LXD reports a failed restore only after 30 s, the timeout of its own hook (lxd/main_callhook.go)
    return RestCall("PUT", f"{path}/state", body, PATIENCE + 15 if restore or how in ("clean", "keep") else QUICK)


def explained(id: Id, said: str) -> str:
    """LXD's error; if the memory was not restored, what to do comes first."""
    if "Migrate: " not in said:  # (lxd/instance/drivers/driver_lxc.go, Start)
        return reason(said)
    return f"its memory is still kept: {show_log(id)} has more; memory=forget starts it without. {reason(said)}"
