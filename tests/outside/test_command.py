"""The command that a plan shows does the same as the plan."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
from foh_snapcast.model import Status, speaker, work_out
from snapserver import Snapserver


def test_the_command_shown_does_the_same(tmp_path: Path) -> None:
    server = Snapserver(tmp_path / "snapserver")
    try:
        server.join("aa:aa", "kitchen")
        status = msgspec.convert(server.call("Server.GetStatus"), Status).server
        (group,) = status.groups
        (client,) = group.clients
        address = f"127.0.0.1:{server.port}"
        now = speaker("h", address, status, group, client, 0.0)
        offer = now.offer("mute")
        assert offer
        (step,) = work_out(address, now, group, client, offer, {}).steps
        subprocess.run(step.argv, check=True, capture_output=True)
        assert server.clients()["aa:aa"]["config"]["volume"]["muted"] is True
    finally:
        server.stop()
