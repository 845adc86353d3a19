"""An embedded LXD: the REST calls and events of 5.0.2 on a unix socket, as far as the lxd backend and pylxd use
them. It has the real LXD's error texts; one test suite runs against both. Nothing changes by itself.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from aiohttp import WSMsgType, web

from backends.demo.lxd_shapes import CODES, Box, error, full, plain, sync

FORGET = 5.0  # seconds after its end until an operation is gone
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LxdServer:
    """A server with these instances; its actions take `seconds`."""

    def __init__(self, path: str, name: str, instances: Iterable[Box] = (), seconds: float = 1.0) -> None:
        self.path, self.name, self.seconds = path, name, seconds
        self.boxes: dict[tuple[str, str], Box] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self._awake = asyncio.Event()
        self._awake.set()
        self._next_pid = 2000
        self._listeners: set[web.WebSocketResponse] = set()
        self._ended: dict[str, asyncio.Event] = {}
        self._projects: dict[str, str] = {}  # operation -> project
        self._tasks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        for box in instances:
            self.add(box)

    # --- for the demo's director ---

    def add(self, box: Box) -> None:
        """Adds an instance; it gets a process if it runs."""
        self.boxes[box.key] = box
        self._place(box, box.status)

    def crash(self, name: str, project: str = "default") -> None:
        """The instance's first process ends; LXD sees it stopped."""
        self._place(self.boxes[project, name], "Stopped")
        self._lifecycle("instance-shutdown", name, project)

    def freeze(self, name: str, project: str = "default") -> None:
        """As if another client had frozen it: its processes stop."""
        self.boxes[project, name].status = "Frozen"
        self._lifecycle("instance-paused", name, project)

    def revive(self, name: str, project: str = "default") -> None:
        """As if another client had started it, at once."""
        self._place(self.boxes[project, name], "Running")
        self._lifecycle("instance-started", name, project)

    def add_operation(self, what: str, name: str = "", project: str = "default") -> str:
        """Adds a running operation on an instance and returns its id. It runs until `finish`."""
        id = str(uuid.uuid4())
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        urls = {"instances": [f"/1.0/instances/{name}"]} if name else None
        self.operations[id] = {
            "id": id, "class": "task", "description": what, "created_at": now, "updated_at": now,
            "status": "Pending", "status_code": CODES["Pending"], "resources": urls, "metadata": None,
            "may_cancel": False, "err": "", "location": "none",
        }  # fmt: skip
        self._ended[id], self._projects[id] = asyncio.Event(), project
        self._tell(id)
        self._update(id, status="Running", status_code=CODES["Running"])
        return id

    def progress(self, id: str, text: str, stage: str = "fs") -> None:
        """Sends a progress frame, such as `web1: 61.10MB (15.17MB/s)`."""
        self._update(id, metadata={f"{stage}_progress": text})

    def finish(self, id: str, fault: str = "") -> None:
        """Ends an operation with success, or with LXD's error text."""
        status = "Failure" if fault else "Success"
        self._update(id, status=status, status_code=CODES[status], err=fault)
        self._ended[id].set()
        asyncio.get_running_loop().call_later(FORGET, self.operations.pop, id, None)

    def hang(self, yes: bool = True) -> None:
        """Accepts connections but answers nothing, not even pings; or answers again."""
        if yes:
            self._awake.clear()
        else:
            self._awake.set()

    async def start(self) -> None:
        app = web.Application(middlewares=[self._hang])
        one = "/1.0/instances/{name}"
        app.add_routes(
            [
                web.get("/1.0", self._server),
                web.get("/1.0/resources", self._resources),
                web.get("/1.0/instances", self._list),
                web.get(one, self._get),
                web.get(f"{one}/state", self._state),
                web.put(f"{one}/state", self._put_state),
                web.get(f"{one}/snapshots", self._snapshots),
                web.post(f"{one}/snapshots", self._snapshot),
                web.get("/1.0/operations", self._operations),
                web.get("/1.0/operations/{id}", self._operation),
                web.get("/1.0/operations/{id}/wait", self._wait),
                web.get("/1.0/events", self._events),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.UnixSite(self._runner, self.path).start()

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        for socket in tuple(self._listeners):
            await socket.close()
        if self._runner:
            await self._runner.cleanup()
        self._runner = None

    # --- what happens inside ---

    def _place(self, box: Box, status: str) -> None:
        box.status = status
        box.pid = self._next_pid if status == "Running" else 0
        self._next_pid += 17

    def _broadcast(self, kind: str, metadata: dict[str, Any], project: str) -> None:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        frame = json.dumps({"type": kind, "timestamp": now, "metadata": metadata, "project": project})
        for socket in self._listeners:
            self._background(socket.send_str(frame))

    def _background(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _lifecycle(self, action: str, name: str, project: str) -> None:
        query = "" if project == "default" else f"?project={project}"
        self._broadcast("lifecycle", {"action": action, "source": f"/1.0/instances/{name}{query}"}, project)

    def _tell(self, id: str) -> None:
        self._broadcast("operation", self.operations[id], self._projects[id])

    def _update(self, id: str, **changes: Any) -> None:
        self.operations[id] = self.operations[id] | changes
        self._tell(id)

    async def _work(self, id: str, box: Box, action: str, stateful: bool, fault: str) -> None:
        """Runs an operation: waits, makes the change, then ends it."""
        await asyncio.sleep(self.seconds)
        if not fault:
            if action == "unfreeze":
                box.status = "Running"  # the same process continues
            else:
                self._place(box, "Stopped" if action == "stop" else "Running")
                box.kept = stateful and action == "stop"
            past = {"start": "started", "stop": "stopped", "restart": "restarted", "unfreeze": "resumed"}[action]
            self._lifecycle(f"instance-{past}", box.name, box.project)
        self.finish(id, fault)

    def _begin(self, what: str, box: Box, work: Callable[[str], Awaitable[None]]) -> web.Response:
        id = self.add_operation(what, box.name, box.project)
        self._background(work(id))
        body = {"type": "async", "status": "Operation created", "status_code": 100, "error": "", "error_code": 0}
        return web.json_response(
            body | {"operation": f"/1.0/operations/{id}", "metadata": self.operations[id]}, status=202
        )

    # --- REST ---

    @web.middleware
    async def _hang(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        await self._awake.wait()
        try:
            return await handler(request)
        except KeyError:
            what = "Operation" if "/operations" in request.path else "Instance"
            return error(404, f"{what} not found")

    def _box(self, request: web.Request) -> Box:
        return self.boxes[request.query.get("project", "default"), request.match_info["name"]]

    async def _server(self, request: web.Request) -> web.Response:
        environment = {
            "server": "lxd", "server_version": "5.0.2", "server_name": self.name, "server_clustered": False,
            "kernel_version": "6.1.0-28-amd64", "driver": "lxc", "architectures": ["x86_64"], "addresses": [],
        }  # fmt: skip
        extensions = ["resources", "instances", "instance_all_projects", "operation_description", "projects"]
        return sync(
            {
                "auth": "trusted", "public": False, "api_status": "stable", "api_version": "1.0", "config": {},
                "environment": environment, "api_extensions": extensions,
            }
        )  # fmt: skip

    async def _resources(self, request: web.Request) -> web.Response:
        used = sum(box.memory for box in self.boxes.values() if box.status == "Running")
        return sync({"memory": {"used": int((1024 + used) * 2**20), "total": 64 * 2**30}})

    async def _list(self, request: web.Request) -> web.Response:
        everywhere, project = request.query.get("all-projects") == "true", request.query.get("project", "default")
        boxes = [box for box in self.boxes.values() if everywhere or box.project == project]
        match request.query.get("recursion", "0"):
            case "0":
                return sync([f"/1.0/instances/{box.name}" for box in boxes])
            case depth:
                return sync([full(box) if depth == "2" else plain(box) for box in boxes])

    async def _get(self, request: web.Request) -> web.Response:
        box = self._box(request)
        return sync(full(box) if request.query.get("recursion") == "1" else plain(box))

    async def _state(self, request: web.Request) -> web.Response:
        return sync(full(self._box(request))["state"])

    async def _put_state(self, request: web.Request) -> web.Response:
        box, asked = self._box(request), await request.json()
        action, stateful = asked.get("action"), asked.get("stateful") is True
        match action, box.status:
            case "start", "Stopped":
                fault = box.fails
            case "unfreeze", "Frozen":
                fault = ""
            case "start", _:
                fault = "The instance is already running"
            case "stop" | "restart", "Stopped":
                fault = "The instance is already stopped"
            case "stop" | "restart", _:
                fault = ""
            case _:
                return error(400, f"Unknown action: '{action}'")
        what = {"start": "Starting", "stop": "Stopping", "restart": "Restarting", "unfreeze": "Unfreezing"}[action]
        return self._begin(f"{what} instance", box, lambda id: self._work(id, box, action, stateful, fault))

    async def _snapshots(self, request: web.Request) -> web.Response:
        box = self._box(request)
        return sync([f"/1.0/instances/{box.name}/snapshots/{name}" for name in box.snapshots])

    async def _snapshot(self, request: web.Request) -> web.Response:
        box, name = self._box(request), (await request.json())["name"]

        async def work(id: str) -> None:
            await asyncio.sleep(self.seconds / 2)
            if name in box.snapshots:
                return self.finish(
                    id,
                    f'Failed creating instance snapshot record "{name}": Add snapshot info to the database: '
                    'This "instances_snapshots" entry already exists',
                )
            box.snapshots.append(name)
            self._lifecycle("instance-snapshot-created", f"{box.name}/snapshots/{name}", box.project)
            return self.finish(id)

        return self._begin("Snapshotting instance", box, work)

    async def _operations(self, request: web.Request) -> web.Response:
        project, grouped = request.query.get("project", "default"), dict[str, list[Any]]()
        for id, op in self.operations.items():
            if self._projects[id] == project:
                said = op if request.query.get("recursion") == "1" else f"/1.0/operations/{id}"
                grouped.setdefault(op["status"].lower(), []).append(said)
        return sync(grouped)

    async def _operation(self, request: web.Request) -> web.Response:
        return sync(self.operations[request.match_info["id"]])

    async def _wait(self, request: web.Request) -> web.Response:
        id, seconds = request.match_info["id"], float(request.query.get("timeout", "-1"))
        try:
            async with asyncio.timeout(None if seconds < 0 else seconds):
                await self._ended[id].wait()
        except TimeoutError:
            return sync(self.operations[id])  # still running
        return sync(self.operations[id])

    async def _events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self._listeners.add(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.PING and self._awake.is_set():
                    await socket.pong(message.data)
        finally:
            self._listeners.discard(socket)
        return socket
