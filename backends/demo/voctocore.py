"""An embedded voctocore: the lines of voctomix-core 1.3's control port on an ephemeral loopback port.

Nothing changes by itself. The order of its lines and its error texts are those of the real core; one test suite runs
against both.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence

MODES = ("fullscreen", "side_by_side_equal", "side_by_side_preview", "picture_in_picture")


class Voctocore:
    """A core with these sources. It starts blanked, like the real one."""

    def __init__(
        self, sources: Sequence[str] = ("cam1", "cam2", "grabber"), blanks: Sequence[str] = ("pause", "nostream")
    ) -> None:
        self.sources, self.blanks = list(sources), list(blanks)
        self.a, self.b = 0, 1
        self.mode = MODES[0]
        self.blank_source: int | None = 0
        self.volumes = [1.0] + [0.0] * (len(self.sources) - 1)
        self.values: dict[str, str] = {}
        self.port = 0
        self._silent = False
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listens; after `close`, on the same port again."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server:
            self._server.close()
        for client in tuple(self._clients):
            client.transport.abort()
        self._server = None

    def hang(self, yes: bool = True) -> None:
        """Its main loop hangs: it accepts connections and lines but does not answer; or answers again."""
        self._silent = yes

    def blank(self, source: str = "pause") -> None:
        """As if another client had blanked the stream."""
        self.tell(f"set_stream_blank {source}")

    def live(self) -> None:
        self.tell("set_stream_live")

    def cut(self, source: str) -> None:
        """As if another client had cut picture A."""
        self.tell(f"set_video_a {source}")

    def tell(self, line: str) -> None:
        """Runs a command without a sender: its effect is broadcast."""
        self._run(line, None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        with contextlib.closing(writer), contextlib.suppress(OSError):
            while line := await reader.readline():
                words = line.decode("utf-8", "replace").strip()
                if words in ("quit", "exit"):
                    break
                if words and not self._silent:
                    self._run(words, writer)
        self._clients.discard(writer)

    def _run(self, line: str, sender: asyncio.StreamWriter | None) -> None:
        name, *args = line.split()
        command: Callable[..., str | list[str]] | None = getattr(self, f"do_{name}", None)
        try:
            said = command(*args) if command else f"error unknown command {name}"
        except TypeError as error:
            said = "error " + str(error).replace("Voctocore.do_", "ControlServerCommands.")
        except (ValueError, KeyError) as error:
            said = f"error {error}"
        to = self._clients if isinstance(said, list) else [sender] if sender else []
        for client in to:
            client.write("".join(f"{line}\n" for line in ([said] if isinstance(said, str) else said)).encode())

    # --- the commands: text goes to the sender, a list to everybody ---

    def _videos(self) -> str:
        return f"{self.sources[self.a]} {self.sources[self.b]}"

    def _composite(self) -> list[str]:
        return [
            f"composite_mode {self.mode}",
            f"video_status {self._videos()}",
            f"composite_mode_and_video_status {self.mode} {self._videos()}",
        ]

    def _audio(self) -> str:
        return f"audio_status {json.dumps(dict(zip(self.sources, self.volumes, strict=True)))}"

    def _stream(self) -> str:
        return "stream_status " + ("live" if self.blank_source is None else f"blank {self.blanks[self.blank_source]}")

    def do_get_video(self) -> str:
        return f"video_status {self._videos()}"

    def do_set_video_a(self, src_name: str) -> list[str]:
        new = self.sources.index(src_name)
        self.a, self.b = new, self.a if new == self.b else self.b
        return [f"video_status {self._videos()}"]

    def do_set_video_b(self, src_name: str) -> list[str]:
        new = self.sources.index(src_name)
        self.a, self.b = self.b if new == self.a else self.a, new
        return [f"video_status {self._videos()}"]

    def do_get_audio(self) -> str:
        return self._audio()

    def do_get_composite_mode(self) -> str:
        return f"composite_mode {self.mode}"

    def do_get_composite_modes(self) -> str:
        return f"composite_modes {','.join(MODES)}"

    def do_get_composite_mode_and_video_status(self) -> str:
        return self._composite()[2]

    def do_set_composite_mode(self, mode_name: str) -> list[str]:
        if mode_name not in MODES:
            raise KeyError(mode_name)
        self.mode = mode_name
        return self._composite()

    def do_set_videos_and_composite(self, src_a_name: str, src_b_name: str, mode_name: str) -> list[str]:
        if src_a_name != "*":
            self.do_set_video_a(src_a_name)
        if src_b_name != "*":
            self.do_set_video_b(src_b_name)
        return self._composite() if mode_name == "*" else self.do_set_composite_mode(mode_name)

    def do_get_stream_status(self) -> str:
        return self._stream()

    def do_set_stream_blank(self, source_name: str) -> list[str]:
        self.blank_source = self.blanks.index(source_name)
        return [self._stream()]

    def do_set_stream_live(self) -> list[str]:
        self.blank_source = None
        return [self._stream()]

    def do_get_config(self) -> str:
        blanker = {"enabled": "true", "sources": ",".join(self.blanks), "volume": "1.0"}
        config = {"DEFAULT": {}, "mix": {"sources": ",".join(self.sources)}, "stream-blanker": blanker}
        return f"server_config {json.dumps(config)}"

    def do_store_value(self, key: str, *args: str) -> list[str]:
        self.values[key] = " ".join(args)
        return [f"value {key} {self.values[key]}"]

    def do_fetch_value(self, key: str) -> str:
        return f"value {key} {self.values.get(key, '')}"

    def do_message(self, *args: str) -> list[str]:
        return [" ".join(("message", *args))]
