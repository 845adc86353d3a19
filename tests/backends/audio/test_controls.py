from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from backends.audio import controls
from backends.audio.mixer_child import gain_of
from backends.audio.mixer_lines import Fader
from backends.contract import Offer, Refused, Test, Unknown, Why

FADER = Fader("hw:bar", "PCM", 0, ("0", "bar", "hw:bar"), 50, -12.5, False, 64)


def offer(action: str, fader: Fader = FADER) -> Offer:
    found = controls.control("h", fader, True, None, 0.0).offer(action)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("value", "decibel", "raw", "gain"),
    [
        (-1250, (-6400, 0), (0, 64), -12.5),
        (0, (-6400, 0), (0, 64), 0.0),
        (-9999999, (-9999999, 0), (0, 64), None),  # TLV: mute at the bottom
        (139958315746688, (-1783460944, -1783460880), (0, 65536), None),  # what memory held, as seen
        (65536, (0, 65536), (0, 65536), None),
        (32, (0, 64), (0, 64), None),
        (100, (-6400, 0), (0, 64), None),
    ],
)
def test_only_a_sensible_gain_is_believed(value: int, decibel: Any, raw: Any, gain: float | None) -> None:
    assert gain_of(value, decibel, raw) == gain


def test_a_device_that_does_not_answer_is_unknown_with_its_last_values() -> None:
    control = controls.control("h", FADER, True, "Connection refused", 0.0)
    assert control.level == Unknown(Why.UNREACHABLE, "Connection refused", 50)
    assert control.mute == Unknown(Why.UNREACHABLE, "Connection refused", False)
    assert all(each.blocked for each in control.offers)


def test_a_control_without_a_switch_offers_no_mute() -> None:
    control = controls.control("h", structs.replace(FADER, mute=None, gain=None), True, None, 0.0)
    assert [bool(each.blocked) for each in control.offers] == [True, True, False]
    assert isinstance(control.gain, Unknown)


def test_only_the_main_control_answers_to_the_devices_names() -> None:
    faders = [
        FADER,
        structs.replace(FADER, control="Headphone"),
        structs.replace(FADER, control="Loopback", level=None),
    ]
    assert controls.main(faders) == {FADER.key}
    assert controls.main(faders[1:]) == {faders[1].key}
    assert [key.value for key in controls.control("h", FADER, True, None, 0.0).keys] == ["0", "bar", "hw:bar"]
    assert controls.control("h", FADER, False, None, 0.0).keys == ()


@pytest.mark.parametrize(
    ("action", "args", "shell", "field", "wanted", "test"),
    [
        ("mute", {}, "amixer -D hw:bar sset PCM mute", "mute", True, Test.EQUALS),
        ("level", {"percent": "33"}, "amixer -D hw:bar sset PCM 33%", "level", 33, Test.NEAR),
        ("level", {"percent": "99"}, "amixer -D hw:bar sset PCM 99%", "level", 98, Test.NEAR),
    ],
)
def test_plans(action: str, args: dict[str, str], shell: str, field: str, wanted: Any, test: Test) -> None:
    now = controls.control("h", FADER, True, None, 0.0)
    plan = controls.plan(offer(action), args, FADER, now)
    assert plan.steps[0].shell == shell
    assert [(e.field, e.wanted, e.test) for e in plan.expect] == [(field, wanted, test)]


@pytest.mark.parametrize(
    ("action", "args", "reason"),
    [
        ("unmute", {}, "already not muted"),
        ("level", {}, "0 to 100"),
        ("level", {"percent": "101"}, "0 to 100"),
        ("level", {"percent": "-1"}, "0 to 100"),
        ("level", {"percent": "٣"}, "0 to 100"),
        ("level", {"percent": "50"}, "already at 50 %"),
    ],
)
def test_refusals(action: str, args: dict[str, str], reason: str) -> None:
    now = controls.control("h", FADER, True, None, 0.0)
    with pytest.raises(Refused, match=reason):
        controls.plan(offer(action), args, FADER, now)


@pytest.mark.parametrize(("percent", "steps", "lands"), [(33, 64, 33), (99, 64, 98), (50, 3, 67), (40, 0, 40)])
def test_where_a_fader_comes_to_rest(percent: int, steps: int, lands: int) -> None:
    assert controls.landing(percent, steps) == lands
