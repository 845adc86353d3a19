"""Mixer controls: pure functions from the child's reports to `Control`, its offers and plans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import structs

from backends.audio.mixer_lines import Fader
from backends.contract import Arg, Evidence, Expect, Id, Key, Offer, Plan, Refused, Step, Test, Unknown, Why, clean
from backends.kinds import Control
from backends.shell import guarded

T = TypeVar("T", int, float, bool)

WITHIN = 2.0  # seconds until a change must have been observed
PREFERRED = ("Master", "PCM", "Speaker", "Headphone")  # a device's main control, if it has several
PERCENT = Arg("percent", "level", "%", (), 0, 100, field="level")


def id_of(host: str, fader: Fader) -> Id:
    index = f",{fader.index}" if fader.index else ""
    return Id(host, "control", clean(f"{fader.device}/{fader.control}{index}"))


def main(faders: Iterable[Fader]) -> set[tuple[str, str, int]]:
    """One control of each device: the one that stands for the device."""
    best: dict[str, Fader] = {}
    for fader in sorted(faders, key=_preference):
        best.setdefault(fader.device, fader)
    return {fader.key for fader in best.values()}


def _preference(fader: Fader) -> tuple[bool, int, int]:
    known = PREFERRED.index(fader.control) if fader.control in PREFERRED else len(PREFERRED)
    return fader.level is None, known, fader.index


def control(host: str, fader: Fader, is_main: bool, failure: str | None, at: float) -> Control:
    """`failure` says why the device does not answer now: its values are then Unknown, with the last ones."""
    target, name = id_of(host, fader), clean(f"{fader.device} {fader.control}")

    def known(value: T | None, what: str) -> T | Unknown:
        if failure is not None:
            return Unknown(Why.UNREACHABLE, clean(failure), value)
        return Unknown(Why.NOT_APPLICABLE, f"this control has no {what}") if value is None else value

    said = f"level {fader.level}, mute {fader.mute}"
    found = Control(
        id=target,
        name=name,
        keys=tuple(Key("alsa-mixer", clean(each), host) for each in fader.names) if is_main else (),
        evidence=(Evidence("mixer", f"libasound: {name}", at, said if failure is None else clean(failure)),),
        at=at,
        level=known(fader.level, "volume"),
        gain=known(fader.gain, "scale in dB"),
        mute=known(fader.mute, "switch"),
        device=clean(fader.device),
    )
    offers = (
        Offer(target, "mute", "mute", blocked=blocked("mute", found)),
        Offer(target, "unmute", "unmute", blocked=blocked("unmute", found)),
        Offer(target, "level", "set the level", args=(PERCENT,), blocked=blocked("level", found)),
    )
    return structs.replace(found, offers=offers)


def blocked(action: str, now: Control) -> str:
    """Why the action is impossible or would change nothing, or ""."""
    match action, now.mute, now.level:
        case "level", _, Unknown(detail=detail):
            return detail or "its level is not known"
        case "level", _, _:
            return ""
        case _, Unknown(detail=detail), _:
            return detail or "whether it is muted is not known"
        case "mute", muted, _:
            return "already muted" if muted else ""
        case "unmute", muted, _:
            return "" if muted else "already not muted"
    return f"there is no action {action}"


def plan(offer: Offer, args: Mapping[str, str], fader: Fader, now: Control) -> Plan:
    """Raises Refused if nothing would change, and for an invalid level."""
    if reason := blocked(offer.action, now):
        raise Refused(reason)
    if offer.action == "level":
        percent = _percent(args.get("percent", ""))
        lands = landing(percent, fader.steps)
        if isinstance(now.level, int) and abs(now.level - lands) <= 1:
            raise Refused(f"already at {now.level} %")
        args, words = {"percent": str(percent)}, f"{percent}%"
        step = f"set {now.name} to {percent} %"
        expect = Expect(offer.target, "level", lands, WITHIN, Test.NEAR)
    else:
        args, words, step = {}, offer.action, f"{offer.action} {now.name}"
        expect = Expect(offer.target, "mute", offer.action == "mute", WITHIN)
    simple = f"{fader.control},{fader.index}" if fader.index else fader.control
    todo = Step(
        "level" if offer.action == "level" else "mute",
        {"control": offer.target.local, "value": int(words[:-1]) if offer.action == "level" else words == "mute"},
        ("amixer", "-D", fader.device, *guarded("sset", simple, words)),
        step,
    )
    return Plan(offer, dict(args), (todo,), (expect,), (), now.evidence)


def landing(percent: int, steps: int) -> int:
    """The percentage that a control with this many steps actually takes."""
    return round(round(percent * steps / 100) * 100 / steps) if steps > 0 else percent


def _percent(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 100):
        raise Refused("the level is a whole number of percent, 0 to 100")
    return int(text)
