"""An embedded Mopidy: JSON-RPC over HTTP and WebSocket, and events, like version 3.4.1."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web
from msgspec import Struct

VERSION = "3.4.1"


class Track(Struct, frozen=True):
    """One track; `length` in seconds."""

    title: str
    artist: str
    length: int = 180


class Player:
    """The state of a Mopidy server: a queue, a state, a position, a software mixer. In a still world the position does
    not move."""

    def __init__(self, tracks: list[Track], state: str = "playing", position: float = 0.0, still: bool = False) -> None:
        self.tracks = dict(enumerate(tracks, 1))
        self.current: int | None = 1 if tracks else None
        self.state = state if tracks else "stopped"
        self.volume, self.mute = 40, False
        self.held = False  # the queue ended by itself: stopped, and the output is still open
        self.lost = False  # the output is gone: the position stays 0 without an event, as in the real Mopidy
        self._still = still
        self._mark, self._since = position, time.monotonic()
        self.emit: Callable[[dict[str, object]], None] = lambda event: None

    @property
    def position(self) -> float:
        """Seconds into the track."""
        if self.lost and self.state == "playing":
            return 0.0
        moving = self.state == "playing" and not self._still
        return self._mark + (time.monotonic() - self._since if moving else 0.0)

    def advance(self) -> None:
        """Starts the next track when one has ended. The queue repeats, so that a demo never falls silent."""
        if self.current and self.state == "playing" and self.position > self.tracks[self.current].length:
            self._go(self.current % len(self.tracks) + 1)

    def play(self) -> None:
        if self.current is None:
            self.current = next(iter(self.tracks), None)
        if self.current is None:
            return
        begins = self.state == "stopped"
        if begins and self._still:
            self._mark = 1.0  # the position of a track that has started
        self._become("playing")
        if begins:
            self.emit({"event": "track_playback_started", "tl_track": self.tl_track()})

    def pause(self) -> None:
        if self.state == "playing":
            self._become("paused")

    def run_out(self) -> None:
        """Ends the last track, and keeps the output open."""
        self.stop()
        self.held = True

    def stop(self) -> None:
        self.held = self.held and self.state == "stopped"  # only a player that has played closes its output
        if self.state != "stopped":
            self.emit({"event": "track_playback_ended", "time_position": int(self.position * 1000)})
        self.lost = False  # it opens its output again when it plays
        self._mark, self._since = 0.0, time.monotonic()
        self._become("stopped")

    def next(self) -> None:
        self._skip(self.next_tlid())

    def previous(self) -> None:
        self._skip(self.previous_tlid())

    def next_tlid(self) -> int | None:
        return self.current + 1 if self.current and self.current + 1 in self.tracks else None

    def previous_tlid(self) -> int | None:
        return self.current - 1 if self.current and self.current > 1 else None

    def set_volume(self, volume: int) -> bool:
        self.volume = volume
        self.emit({"event": "volume_changed", "volume": volume})
        return True

    def set_mute(self, mute: bool) -> bool:
        self.mute = mute
        self.emit({"event": "mute_changed", "mute": mute})
        return True

    def retitle(self, title: str) -> None:
        """Renames the current track, like a radio stream."""
        if self.current:
            old = self.tracks[self.current]
            self.tracks[self.current] = Track(title, old.artist, old.length)
            self.emit({"event": "stream_title_changed", "title": title})

    def history(self) -> list[object]:
        return [[0, {"__model__": "Ref", "uri": f"file:///music/{tlid}.flac"}] for tlid in self.tracks]

    def tl_track(self) -> dict[str, object] | None:
        if self.current is None or self.state == "stopped":
            return None
        track = self.tracks[self.current]
        model: dict[str, object] = {
            "__model__": "Track",
            "uri": f"file:///music/{self.current}.flac",
            "name": track.title,
            "artists": [{"__model__": "Artist", "name": track.artist}],
            "length": track.length * 1000,
        }
        return {"__model__": "TlTrack", "tlid": self.current, "track": model}

    def _skip(self, tlid: int | None) -> None:
        if tlid is None:
            self.stop()
        else:
            self._go(tlid)

    def _go(self, tlid: int) -> None:
        self.emit({"event": "track_playback_ended", "time_position": int(self.position * 1000)})
        self.current, self._mark, self._since = tlid, 0.0, time.monotonic()
        self.emit({"event": "track_playback_started", "tl_track": self.tl_track()})

    def _become(self, state: str) -> None:
        self._mark, self._since = self.position, time.monotonic()
        old, self.state = self.state, state
        self.emit({"event": "playback_state_changed", "old_state": old, "new_state": state})


class MopidyServer:
    """Serves one player on its own loopback port."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.port = 0
        self._sockets: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None
        player.emit = self._emit
        self._pending: set[asyncio.Future[None]] = set()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/mopidy/rpc", self._rpc)
        app.router.add_head("/mopidy/rpc", self._head)
        app.router.add_get("/mopidy/ws", self._events, allow_head=False)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)  # after a crash: the same port as before
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """As if killed: the port refuses connections."""
        if self._runner:
            for socket in tuple(self._sockets):
                await socket.close()
            await self._runner.cleanup()
            self._runner = None

    async def _head(self, request: web.Request) -> web.Response:
        return web.Response(headers={"X-Mopidy-Version": VERSION})

    async def _rpc(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=415)
        try:
            call = json.loads(await request.text())
        except ValueError as error:
            body: object = _error(None, -32700, "Parse error", str(error))
        else:
            body = self._answers(call)
        return web.json_response(body, headers={"X-Mopidy-Version": VERSION})

    async def _events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await socket.send_json(self._answers(json.loads(message.data)))
        finally:
            self._sockets.discard(socket)
        return socket

    def _emit(self, event: dict[str, object]) -> None:
        for socket in self._sockets:
            task = asyncio.ensure_future(socket.send_json(event))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    def _answers(self, call: Any) -> object:
        return [self._answer(one) for one in call] if isinstance(call, list) else self._answer(call)

    def _answer(self, call: dict[str, Any]) -> dict[str, object]:
        number, params = call.get("id"), call.get("params") or {}
        try:
            return {"jsonrpc": "2.0", "id": number, "result": self._call(str(call.get("method")), params)}
        except LookupError as error:
            return _error(number, -32601, "Method not found", str(error))
        except ValueError as error:
            data = {"type": "ValidationError", "message": str(error), "traceback": ""}
            return _error(number, 0, "Application error", data)

    def _call(self, method: str, params: dict[str, Any]) -> object:
        player = self.player
        player.advance()
        name = method.removeprefix("core.")
        commands: dict[str, Callable[[], None]] = {
            "playback.play": player.play,
            "playback.resume": player.play,
            "playback.pause": player.pause,
            "playback.stop": player.stop,
            "playback.next": player.next,
            "playback.previous": player.previous,
        }
        questions: dict[str, Callable[[], object]] = {
            "get_version": lambda: VERSION,
            "playback.get_state": lambda: player.state,
            "playback.get_time_position": lambda: int(player.position * 1000),
            "playback.get_current_tl_track": player.tl_track,
            "playback.get_stream_title": lambda: None,
            "history.get_history": player.history,
            "tracklist.get_length": lambda: len(player.tracks),
            "tracklist.get_next_tlid": player.next_tlid,
            "tracklist.get_previous_tlid": player.previous_tlid,
            "mixer.get_volume": lambda: player.volume,
            "mixer.get_mute": lambda: player.mute,
            "mixer.set_mute": lambda: player.set_mute(bool(params.get("mute"))),
            "mixer.set_volume": lambda: player.set_volume(_percent(params.get("volume"))),
        }
        if name in commands:
            commands[name]()  # returns null even if nothing plays
            return None
        if name in questions:
            return questions[name]()
        raise LookupError(f"No object found at {method!r}")


def _percent(volume: object) -> int:
    if not isinstance(volume, int) or not 0 <= volume <= 100:
        raise ValueError(f"Expected number smaller or equal to 100, not {volume}")
    return volume


def _error(number: object, code: int, message: str, data: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message, "data": data}}
