"""Frames of operations, as LXD 5.0.2 sends them: late, out of order, with secrets."""

from __future__ import annotations

from typing import Any

import pytest

from backends.containers.model import Place
from backends.containers.operations import KEEP, KEEP_FAILED, Op, busy, fold, kept, named, resource
from backends.contract import Unknown

PLACE = Place("venue", "alpha", "/s")


def frame(status: str, metadata: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    said = {"id": "7", "description": "Migrating instance", "status": status, "metadata": metadata, "err": ""}
    return said | {"resources": {"instances": ["/1.0/instances/big"], "containers": ["/1.0/containers/big"]}} | more


def told(*frames: dict[str, Any]) -> Op:
    op: Op | None = None
    for now, said in enumerate(frames):
        op = fold(op, said, "default", float(now))
    assert op is not None
    return op


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("Pending", "Running"), "Running"),
        (("Running", "Pending"), "Running"),
        (("Running", "Success", "Running"), "Success"),
        (("Failure", "Success"), "Failure"),
        (("Running", "Cancelling", "Running"), "Cancelling"),
        (("Running", "Cancelled"), "Cancelled"),
    ],
)
def test_a_state_never_steps_back(states: tuple[str, ...], expected: str) -> None:
    op = told(*(frame(state) for state in states))
    assert op.state == expected
    assert (op.ended is None) == (expected in ("Pending", "Running", "Cancelling"))


@pytest.mark.parametrize(
    ("texts", "percent", "progress"),
    [
        (("Unpack: 4% (1GB/s)", "Unpack: 42% (20.48MB/s)"), 42, "Unpack: 42% (20.48MB/s)"),
        (("Unpack: 42% (2MB/s)", "Unpack: 16% (2MB/s)"), 42, "Unpack: 42% (2MB/s)"),
        (("big: 900.00kB (1MB/s)", "big: 61.10MB (15MB/s)"), None, "big: 61.10MB (15MB/s)"),
        (("big: 61.10MB (15MB/s)", "big: 10.30MB (10MB/s)"), None, "big: 61.10MB (15MB/s)"),
        (("big: 1.02GB (15MB/s)", "big: 999.99MB (15MB/s)"), None, "big: 1.02GB (15MB/s)"),
        (("strange",), None, "strange"),
    ],
)
def test_progress_never_steps_back(texts: tuple[str, ...], percent: int | None, progress: str) -> None:
    op = told(*(frame("Running", {"fs_progress": text}) for text in texts), frame("Running"))
    assert (op.percent, op.progress) == (percent, progress)


def test_another_stage_starts_again() -> None:
    op = told(frame("Running", {"unpack_progress": "Unpack: 100%"}), frame("Running", {"fs_progress": "big: 1.00MB"}))
    assert (op.percent, op.progress) == (None, "big: 1.00MB")


def test_secrets_stay_out() -> None:
    secrets = {"control": "085b-secret", "fs": "dcd9-secret", "criu": "77aa-secret", "fs_progress": "big: 1.00MB"}
    op = told(frame("Running", secrets))
    assert "secret" not in repr(op) + repr(resource(PLACE, op, 0.0))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/1.0/instances/web1", ("default", "web1")),
        ("/1.0/instances/web1?project=stage", ("stage", "web1")),
        ("/1.0/containers/web1/snapshots/s0", ("default", "web1")),
        ("/1.0/images/ac17", None),
        ("", None),
    ],
)
def test_named(url: str, expected: tuple[str, str] | None) -> None:
    assert named(url, "default") == expected


def test_what_is_kept_and_for_how_long() -> None:
    web = (("default", "web"),)
    ops = {
        "runs": Op("runs", "Copying", "Running", web),
        "done": Op("done", "Starting", "Success", web, ended=100.0),
        "failed": Op("failed", "Stopping", "Failure", web, ended=100.0),
        "redone": Op("redone", "Starting", "Failure", web, ended=90.0),
        "housekeeping": Op("housekeeping", "Pruning", "Success", ended=100.0),
    }
    assert set(kept(ops, 100.0)) == {"runs", "done", "failed"}
    assert set(kept(ops, 101.0 + KEEP)) == {"runs", "failed", "redone"} - {"redone"}
    assert set(kept({"failed": ops["failed"]}, 100.0 + KEEP_FAILED)) == set()


def test_busy_is_what_bars_an_action() -> None:
    ops = {
        "1": Op("1", "Migrating instance", "Running", (("default", "big"),)),
        "2": Op("2", "Executing command", "Running", (("default", "web"),)),
        "3": Op("3", "Stopping instance", "Success", (("default", "db"),), ended=1.0),
    }
    assert busy(ops) == {("default", "big"): "LXD is busy with it: migrating instance"}


def test_a_total_that_lxd_does_not_give_is_not_made_up() -> None:
    said = resource(PLACE, told(frame("Running", {"fs_progress": "big: 61.10MB (15MB/s)"})), 0.0)
    assert isinstance(said.percent, Unknown)
    assert said.progress == "big: 61.10MB (15MB/s)"
    assert (said.subject, said.links[0].to.value) == ("big", "big")


@pytest.mark.parametrize("resources", [None, {}, {"instances": None}, [], "x"])
def test_resources_of_any_shape(resources: object) -> None:
    op = told(frame("Running", resources=resources))
    assert op.instances == ()
    assert resource(PLACE, op, 0.0).subject == "alpha"
