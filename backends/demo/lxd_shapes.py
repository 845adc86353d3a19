"""The shapes of the embedded LXD's answers: those of 5.0.2."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

CODES = {
    "Pending": 105,
    "Running": 103,
    "Success": 200,
    "Failure": 400,
    "Stopped": 102,
    "Error": 112,
    "Frozen": 110,
}


@dataclass
class Box:
    """One instance. `fails` is the error of its starts ("": none); memory in MiB; `kept`: stopped with its memory."""

    name: str
    project: str = "default"
    status: str = "Running"
    memory: float = 100.0
    image: str = "Debian bookworm"
    autostart: bool = True
    address: str = ""
    pid: int = 0
    snapshots: list[str] = field(default_factory=list)
    fails: str = ""
    kept: bool = False
    created: str = "2026-01-10T09:00:00Z"

    @property
    def key(self) -> tuple[str, str]:
        return self.project, self.name


def plain(box: Box) -> dict[str, Any]:
    """An instance as `recursion=1` lists it."""
    config = {"image.description": box.image, "volatile.base_image": "ac17d984a4c4" + "0" * 52}
    config |= {"boot.autostart": "true"} if box.autostart else {}
    return {
        "name": box.name, "project": box.project, "status": box.status, "status_code": CODES.get(box.status, 0),
        "architecture": "x86_64", "config": config, "expanded_config": config, "created_at": box.created,
        "devices": {}, "expanded_devices": {}, "description": "", "ephemeral": False, "profiles": ["default"],
        "stateful": box.kept, "location": "none", "type": "container", "last_used_at": box.created,
    }  # fmt: skip


def full(box: Box) -> dict[str, Any]:
    """An instance with its state and snapshots."""
    up = box.status in ("Running", "Frozen")
    network = {"eth0": {"addresses": [{"family": "inet", "address": box.address, "scope": "global"}]}}
    state = {
        "status": box.status, "status_code": CODES.get(box.status, 0), "pid": box.pid,
        "processes": 12 if up else -1, "memory": {"usage": int(box.memory * 2**20) if up else 0},
        "cpu": {"usage": 0}, "disk": {}, "network": network if up and box.address else None,
    }  # fmt: skip
    return plain(box) | {
        "state": state, "backups": None, "snapshots": [{"name": name} for name in box.snapshots] or None,
    }  # fmt: skip


def sync(metadata: object) -> web.Response:
    return web.json_response(
        {
            "type": "sync",
            "status": "Success",
            "status_code": 200,
            "error_code": 0,
            "error": "",
            "metadata": metadata,
        }
    )


def error(code: int, text: str) -> web.Response:
    return web.json_response({"type": "error", "error_code": code, "error": text, "metadata": None}, status=code)
