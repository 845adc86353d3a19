"""A streaming service that gives one account one stream, and a stand-in for Mopidy's extension that plays from it.

The service itself cannot be had here. What its extension makes of a second stream of one account is what this one
makes of it: the player that had the account pauses, tells nobody why, and its core says so in an event
(mopidy-spotify#204, #263). Everything else is Mopidy's own: this file runs in its process, found as extensions are, by
the entry points of a package on its path.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

PACKAGE = "Mopidy_Streaming_Stand_In-1.0.dist-info"
SERVICE = "spotify"  # the name of the section, and the scheme of its tracks
SECTION = "[spotify]\nusername = {account}\npassword = {secret}\nservice = {service}\ntrack = {track}\n"


def install(folder: Path) -> dict[str, str]:
    """Makes the package in this folder; the environment in which a Mopidy finds it."""
    about = folder / PACKAGE
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: Mopidy-Streaming-Stand-In\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[mopidy.ext]\n{SERVICE} = streaming:Extension\n")
    (folder / "streaming.py").symlink_to(Path(__file__))
    return {"PYTHONPATH": str(folder)}


def section(account: str, secret: str, service: Path, track: Path) -> str:
    """What a player's configuration says of its account. `service` is the folder in which the service notes which
    player has which account, `track` the file that every track of the service sounds like."""
    service.mkdir(exist_ok=True)
    return SECTION.format(account=account, secret=secret, service=service, track=track)


try:
    import pykka
    from mopidy import backend, config, core, ext, models
except ImportError:  # the tests' own Python has no Mopidy
    pass
else:

    class Extension(ext.Extension):
        dist_name, ext_name, version = "Mopidy-Streaming-Stand-In", SERVICE, "1.0"

        def get_default_config(self) -> str:
            return f"[{SERVICE}]\nenabled = true\n"

        def get_config_schema(self) -> Any:
            words = {name: config.String() for name in ("username", "service", "track")}
            schema = config.ConfigSchema(SERVICE)
            schema.update({"enabled": config.Boolean(), "password": config.Secret(), **words})
            return schema

        def setup(self, registry: Any) -> None:
            registry.add("backend", Streams)
            registry.add("frontend", Session)

    class Streams(pykka.ThreadingActor, backend.Backend):
        uri_schemes = (SERVICE,)

        def __init__(self, config: Any, audio: Any) -> None:
            super().__init__()
            self.library, self.playback = Library(self), Playback(audio, self)
            self.track = Path(config[SERVICE]["track"])

    class Library(backend.LibraryProvider):
        def lookup(self, uri: str) -> list[Any]:
            return [models.Track(uri=uri, name=uri.rpartition(":")[2], length=300_000)]

    class Playback(backend.PlaybackProvider):
        def translate_uri(self, uri: str) -> str:
            return str(self.backend.track.as_uri())

    class Session(pykka.ThreadingActor, core.CoreListener):
        """What the service allows one player."""

        def __init__(self, config: Any, core: Any) -> None:
            super().__init__()
            ours = config[SERVICE]
            self.core, self._me = core, str(os.getpid())
            self._holder = Path(ours["service"], ours["username"].casefold())
            self._playing = threading.Event()
            threading.Thread(target=self._listen, daemon=True).start()

        def track_playback_started(self, tl_track: Any) -> None:
            self._take(tl_track)

        def track_playback_resumed(self, tl_track: Any, time_position: int) -> None:
            self._take(tl_track)

        def playback_state_changed(self, old_state: str, new_state: str) -> None:
            if new_state != "playing":
                self._playing.clear()

        def _take(self, tl_track: Any) -> None:
            if tl_track.track.uri.startswith(f"{SERVICE}:"):
                self._holder.write_text(self._me)
                self._playing.set()

        def _listen(self) -> None:
            """The service says that another has the account now."""
            while self._playing.wait():
                if self._holder.read_text() not in ("", self._me):
                    self._playing.clear()
                    self.core.playback.pause()
                time.sleep(0.05)
