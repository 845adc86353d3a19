"""Voctocore's control protocol as pure functions: how one line changes the known state of a core.

Lines as measured on voctomix-core 1.3 and 2.4. A core answers in order, without request ids. It broadcasts the effect
of a "set" command to every client, so any line may come from another client's command.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, structs

from backends.contract import clean

OPENING = ("report_ports", "get_config", "get_composite_modes")  # asked once
POLL = ("get_composite_mode_and_video_status", "get_stream_status", "get_audio")  # asked periodically
LONGEST = 1 << 18  # characters; `server_config` is one line of several thousand
SILENT = {"message", "value", "source_restarted", "server_config_option", "best", "queue_report", "help", "error"}


class NotVoctocore(ValueError):
    """What answers there is not a voctocore."""


class Flood(NotVoctocore):
    """It sends so many lines that its answers cannot be found."""


class CoreState(Struct, frozen=True):
    """The state that one core has reported. None: not reported. `stream` is `live` or `blank <source>`."""

    generation: int = 1
    a: str | None = None
    b: str | None = None
    composite: str | None = None
    stream: str | None = None
    audio: dict[str, float] = {}
    sources: tuple[str, ...] = ()
    composites: tuple[str, ...] = ()
    blanks: tuple[str, ...] = ()


def after_line(core: CoreState, line: str) -> CoreState:
    """The state after one line. Raises NotVoctocore for a line that no voctocore sends."""
    if line.partition(" ")[0] in SILENT:  # any client can make a core send as many of these as it likes
        return core
    word, _, rest = clean(line, LONGEST).partition(" ")
    match word, rest.split():
        case "video_status", [a, b]:
            return structs.replace(core, a=a, b=b)
        case "composite_mode", [mode]:
            return structs.replace(core, composite=mode)
        case "composite_mode_and_video_status", [mode, a, b]:
            return structs.replace(core, composite=mode, a=a, b=b)
        case "composite", [composite]:
            return _composite(core, composite)
        case "composite_modes", modes:
            return structs.replace(core, composites=_words(" ".join(modes)) or core.composites)
        case "stream_status", ["live"]:
            return structs.replace(core, stream="live")
        case "stream_status", ["blank" | "blinded", source]:
            return structs.replace(core, stream=f"blank {source}")
        case "audio_status", _:
            return structs.replace(core, audio=_volumes(_object(line, rest)))
        case "server_config", _:
            return _config(core, _object(line, rest))
        case "port_report", _:
            return structs.replace(core, generation=2)
        case _ if word.startswith(("overlay", "transition")):
            return core
    raise NotVoctocore(clean(line, 80))


def _volumes(said: Mapping[str, Any]) -> dict[str, float]:
    """Volumes by source; 1.0 is full volume. Values that are not numbers are left out."""
    return {clean(name): float(volume) for name, volume in said.items() if isinstance(volume, int | float)}


def _composite(core: CoreState, text: str) -> CoreState:
    """Generation 2 says `[|]name(a,b)`."""
    name, _, pictures = text.rstrip(")").partition("(")
    a, comma, b = pictures.partition(",")
    if not comma:
        raise NotVoctocore(clean(text, 80))
    return structs.replace(core, composite=name, a=a, b=b)


def _config(core: CoreState, config: Mapping[str, Any]) -> CoreState:
    """The names in a core's configuration: sources, blanker sources, generation 2's composites."""
    section = {str(name): value for name, value in config.items() if isinstance(value, dict)}
    blanker = section.get("stream-blanker", section.get("blinder", {}))
    enabled = str(blanker.get("enabled", "false")).lower() in ("true", "yes", "on", "1")
    blanks = _words(str(blanker.get("sources", blanker.get("videos", "blinder")))) if enabled else ()
    # its ini parser lower-cases `FULL.alpha-b`; a name may have several such keys
    composites = dict.fromkeys(clean(key).partition(".")[0].lower() for key in section.get("composites", {}))
    return structs.replace(
        core,
        sources=_words(str(section.get("mix", {}).get("sources", ""))),
        blanks=blanks,
        composites=tuple(composites) or core.composites,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(clean(word.strip()) for word in text.split(",") if word.strip())


def _object(line: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise NotVoctocore(clean(line, 80))
    return value


def on_air(core: CoreState) -> str | None:
    """The sources in the mix: one, or two if the composite shows two."""
    if core.composite is None or core.a is None:
        return None
    return core.a if core.composite.lstrip("|").startswith("full") else f"{core.a} + {core.b}"


def command(core: CoreState, action: str, value: str) -> str:
    """The line that does an action. Generation 2 sets pictures by `cut name(a,b)`; its set_composite_mode
    answers `error <no message>`."""
    if core.generation > 1 and action in ("composite", "cut-a", "cut-b"):
        a, b, name = core.a, core.b, core.composite
        match action:
            case "composite":
                name = value
            case "cut-a":
                a, b = value, a if value == b else b
            case "cut-b":
                a, b = b if value == a else a, value
        return f"cut {name}({a},{b})"
    match action:
        case "composite":
            return f"set_composite_mode {value}"
        case "cut-a":
            return f"set_video_a {value}"
        case "cut-b":
            return f"set_video_b {value}"
        case "blank":
            return f"set_stream_blank {value}"
        case "live":
            return "set_stream_live"
    raise ValueError(action)
