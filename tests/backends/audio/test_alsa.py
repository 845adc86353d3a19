"""The mixers' parent: what it makes of a child's silence."""

from __future__ import annotations

import pytest

from backends import children
from backends.audio import alsa
from backends.contract import Observation
from backends.runtime import SourceIO
from tests.patience import POLL

NOTHING = '{"controls":[]}'


async def heard(script: str) -> list[Observation]:
    """What is observed of a child that is this script, until it ends or is given up."""
    mixers, found = alsa.Mixers("h", alsa.Settings(mixer=("sh", "-c", script))), list[Observation]()
    try:
        async for observation in mixers.watch(SourceIO("mixers")):
            found.append(observation)
    except ConnectionError:
        pass
    return found


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alsa, "SILENCE", 6 * POLL)


async def test_a_child_that_takes_long_to_start_does_not_hang() -> None:
    assert len(await heard(f"sleep 1; echo '{NOTHING}'")) == 1


async def test_a_child_that_goes_from_device_to_device_does_not_hang() -> None:
    steps = "".join(f"""echo '{{"at":"hw:{number}"}}'; sleep 0.2; """ for number in range(4))
    assert len(await heard(f"{steps} echo '{NOTHING}'")) == 1


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (f"echo '{NOTHING}'", "ALSA hangs"),
        ("""echo '{"at":"hw:bar"}'""", "ALSA hangs at hw:bar"),
        ("""echo '{"at":"hw:bar"}'; echo '{"at":""}'""", "ALSA hangs"),
        ("""printf '{"at":"hw:\\\\u001b[2Jbar"}\\n'""", "ALSA hangs at hw:␛[2Jbar"),
    ],
)
async def test_one_that_says_nothing_more_hangs_at_the_device_that_it_named(said: str, where: str) -> None:
    with pytest.raises(TimeoutError) as raised:
        await heard(f"{said}; sleep 9")
    assert str(raised.value) == f"{where}: its child process has said nothing for {6 * POLL:g} s"


async def test_of_one_that_never_says_a_word_it_is_not_known_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "TO_START", POLL)
    with pytest.raises(TimeoutError, match=r"^ALSA hangs, or this machine is too busy: .*not said a word"):
        await heard("sleep 9")
