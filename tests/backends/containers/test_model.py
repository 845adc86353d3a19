"""From LXD's JSON to the kinds, and the plans made on them."""

from __future__ import annotations

from typing import Any

import pytest

from backends.containers.actions import RestCall, call, done, explained, plan
from backends.containers.model import Place, instance, local, next_snapshot
from backends.contract import Id, Refused, Risk, Step, Unknown, Why, clean
from backends.kinds import Instance

PLACE = Place("venue", "alpha", "/var/lib/lxd/unix.socket")
PATH = "/1.0/instances/web1/state"
STATE = {
    "pid": 48,
    "processes": 2,
    "memory": {"usage": 3 << 20},
    "network": {
        "lo": {"addresses": [{"address": "127.0.0.1", "scope": "local"}]},
        "eth0": {"addresses": [{"address": "10.0.3.5", "scope": "global"}, {"address": "fe80::1", "scope": "link"}]},
        "eth1": {"addresses": None},
    },
}
RAW: dict[str, Any] = {
    "name": "web1",
    "project": "default",
    "status": "Running",
    "created_at": "2026-01-02T03:04:05.678Z",
    "expanded_config": {"image.description": "Debian bookworm", "boot.autostart": "true"},
    "state": STATE,
    "snapshots": [{"name": "snap0"}, {"name": "evening"}],
}


def read(busy: str = "", **changes: Any) -> Instance:
    return instance(PLACE, RAW | changes, busy, 5.0)


def test_everything() -> None:
    web = read()
    assert (web.id.local, web.state, web.host, web.project, web.image) == (
        "web1",
        "Running",
        "alpha",
        "default",
        "Debian bookworm",
    )
    assert (web.pid, web.processes, web.memory, web.addresses) == (48, 2, 3.0, ("10.0.3.5",))
    assert (web.snapshots, web.autostart, web.created) == (("snap0", "evening"), True, "2026-01-02 03:04:05")


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"expanded_config": {"volatile.base_image": "ac17d984a4c4cbf5dc2f"}}, "image", "ac17d984a4c4"),
        ({"expanded_config": None}, "image", "none"),
        ({"expanded_config": {}}, "autostart", False),
        ({"snapshots": None}, "snapshots", ()),
        ({"stateful": True}, "kept", True),
        ({"project": "stage"}, "name", "stage/web1"),
        ({"name": "w\x1b[31m"}, "name", "w␛[31m"),
    ],
)
def test_a_field(changes: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(read(**changes), field) == expected


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": None}, Why.NOT_YET),
        ({"state": {"pid": 0}}, Why.NOT_APPLICABLE),
        ({"state": {"pid": -1, "processes": -1}}, Why.NOT_APPLICABLE),
    ],
)
def test_what_does_not_run_has_no_memory(changes: dict[str, Any], why: Why) -> None:
    memory = read(**changes).memory
    assert isinstance(memory, Unknown)
    assert memory.why is why


@pytest.mark.parametrize("changes", [{"status": 7}, {"state": "x"}, {"snapshots": [1]}, {"expanded_config": []}])
def test_what_cannot_be_read_is_malformed_and_offers_nothing(changes: dict[str, Any]) -> None:
    web = read(**changes)
    assert isinstance(web.state, Unknown)
    assert web.state.why is Why.MALFORMED
    assert web.offers == ()


@pytest.mark.parametrize(
    ("status", "busy", "blocked"),
    [
        ("Running", "", {"start"}),
        ("Stopped", "", {"stop", "restart"}),
        ("Frozen", "", {"start"}),
        ("Frozen", "LXD is busy", {"unfreeze", "start", "stop", "restart", "snapshot"}),
        ("Running", "LXD is busy", {"start", "stop", "restart", "snapshot"}),
    ],
)
def test_offers(status: str, busy: str, blocked: set[str]) -> None:
    offers = read(busy, status=status).offers
    assert {offer.action for offer in offers if offer.blocked} == blocked
    assert {offer.action for offer in offers if offer.risk is Risk.DISRUPTIVE} == {"stop", "restart"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [((), "snap0"), (("snap0", "snap7", "x"), "snap8"), (("snap007",), "snap8"), (("snapx", "mysnap3"), "snap0")],
)
def test_next_snapshot(names: tuple[str, ...], expected: str) -> None:
    assert next_snapshot(names) == expected


@pytest.mark.parametrize(
    ("project", "name", "expected"),
    [("default", "a", "a"), ("", "a", "a"), ("p", "a", "p/a")],
)
def test_local(project: str, name: str, expected: str) -> None:
    assert local(project, name) == expected


@pytest.mark.parametrize(
    ("status", "action", "args", "shell", "asked"),
    [
        ("Stopped", "start", {}, "lxc start web1", RestCall("PUT", PATH, {"action": "start"}, 20)),
        (
            "Frozen",
            "unfreeze",
            {},
            "lxc start web1",
            RestCall("PUT", PATH, {"action": "unfreeze"}, 20),
        ),
        (
            "Running",
            "stop",
            {},
            "lxc stop web1 --timeout 30",
            RestCall("PUT", PATH, {"action": "stop", "force": False, "timeout": 30}, 45),
        ),
        (
            "Running",
            "stop",
            {"how": "keep"},
            "lxc stop web1 --stateful",
            RestCall("PUT", PATH, {"action": "stop", "stateful": True, "force": False, "timeout": 30}, 45),
        ),
        (
            "Running",
            "restart",
            {"how": "force"},
            "lxc restart web1 --force",
            RestCall("PUT", PATH, {"action": "restart", "force": True, "timeout": 30}, 20),
        ),
        (
            "Running",
            "snapshot",
            {},
            "lxc snapshot web1 snap1",
            RestCall("POST", "/1.0/instances/web1/snapshots", {"name": "snap1", "stateful": False}, 60),
        ),
    ],
)
def test_plan(status: str, action: str, args: dict[str, str], shell: str, asked: RestCall) -> None:
    web = read(status=status)
    offer = web.offer(action)
    assert offer is not None
    made = plan(PLACE, web, "default", offer, args, 5.0)
    assert made.steps[0].shell == f"{shell} --project default"
    assert call("web1", action, made.args) == asked
    assert bool(made.interrupts) == (action in ("stop", "restart"))


@pytest.mark.parametrize(
    ("args", "shell", "asked"),
    [
        ({}, "lxc start web1", RestCall("PUT", PATH, {"action": "start", "stateful": True}, 45)),
        ({"memory": "forget"}, "lxc start web1 --stateless", RestCall("PUT", PATH, {"action": "start"}, 20)),
    ],
)
def test_what_was_put_away_with_its_memory_is_started_with_it_unless_told_otherwise(
    args: dict[str, str], shell: str, asked: RestCall
) -> None:
    web = read(status="Stopped", stateful=True)
    offer = web.offer("start")
    assert offer is not None
    made = plan(PLACE, web, "default", offer, args, 5.0)
    assert made.steps[0].shell == f"{shell} --project default"
    assert "what it had in memory" in made.steps[0].text
    assert call("web1", "start", made.args) == asked
    with pytest.raises(Refused, match="restore or forget"):
        plan(PLACE, web, "default", offer, {"memory": "eat"}, 5.0)


@pytest.mark.parametrize(
    ("action", "args", "why"),
    [
        ("start", {}, "running already"),
        ("stop", {"how": "softly"}, "clean or force"),
        ("restart", {"how": "keep"}, "clean or force"),
        ("snapshot", {"name": "snap0"}, "already"),
        ("snapshot", {"name": "a b"}, "letters"),
        ("snapshot", {"name": "-x"}, "letters"),
        ("snapshot", {"name": "x" * 64}, "63"),
        ("snapshot", {"name": "x;reboot"}, "letters"),
    ],
)
def test_refused(action: str, args: dict[str, str], why: str) -> None:
    web = read()
    offer = web.offer(action)
    assert offer is not None
    with pytest.raises(Refused, match=why):
        plan(PLACE, web, "default", offer, args, 0.0)


CRIU = """snapshot restore failed
(00.1) Warn  (criu/cr-restore.c:1297): it might
(00.2) Error (criu/image.c:475): Permission denied
(00.3) Error (criu/cr-restore.c:2404): Restoring FAILED."""
FORK = "Failed to run: lxd forkmigrate: exit status 1"


@pytest.mark.parametrize(
    ("said", "told"),
    [(CRIU, "Error (criu/image.c:475): Permission denied"), (FORK, f"LXD says: Migrate: {FORK}")],
)
def test_what_does_not_come_back_is_told_with_its_reason_and_what_to_do(said: str, told: str) -> None:
    text = explained(Id("venue", "instance", "stage/web1"), f"LXD says: {clean(f'Migrate: {said}')}")
    assert text.startswith("its memory is still kept: `lxc info --show-log --project stage web1` has more")
    assert text.endswith(f"memory=forget starts it without. {told}")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("LXD says: no such network", "LXD says: no such network"),
        ("LXD says: snapshot dump failed␊(00.5) Error (criu/tty.c:1): no master", "Error (criu/tty.c:1): no master"),
    ],
)
def test_what_else_fails_is_told_as_it_is(said: str, told: str) -> None:
    assert explained(Id("venue", "instance", "web1"), said) == told


@pytest.mark.parametrize(
    ("changes", "step", "known"),
    [
        ({}, Step("start"), True),
        ({"status": "Stopped"}, Step("start"), False),
        ({"status": "Frozen"}, Step("unfreeze"), False),
        ({}, Step("stop", {"how": "clean"}), False),
        ({"status": "Stopped"}, Step("stop", {"how": "clean"}), True),
        ({}, Step("restart"), None),
        ({}, Step("snapshot", {"name": "evening"}), True),
        ({}, Step("snapshot", {"name": "morning"}), False),
        ({"state": None}, Step("snapshot", {"name": "evening"}), None),
        ({"status": 7}, Step("stop"), None),
    ],
)
def test_whether_a_step_was_done(changes: dict[str, Any], step: Step, known: bool | None) -> None:
    assert done(read(**changes), step) is known


def test_nothing_is_known_of_a_step_while_lxd_is_busy_with_it() -> None:
    with pytest.raises(Refused, match="LXD is busy"):
        done(read("LXD is busy"), Step("stop"))
