from __future__ import annotations

import pytest

from backends.audio.mopidy.config import output_of
from backends.audio.mopidy.source import MopidySource, _curl
from backends.contract import Unknown, clean
from backends.secrets import address_of, redacted, without_password

PASSWORD = "Hu7-ter2.x"


@pytest.mark.parametrize(
    "text",
    [
        "http://foh:{}@127.0.0.1:6680", "https://{}@example.org/x?y", "rtsp://a:b@{}@host/1",
        "http://radio/stream?token={}&x=1", "http://radio/stream?x=1&access_key={}", "password={}", "PASSWORD = '{}'",
        'spotify/client_secret={}', '{{"api_key": "{}", "x": 1}}', "{{'password': '{}'}}", "Authorization: Bearer {}",
        "authorization: basic {}", "shout2send ip=x password={} mount=/a", "got http://a:{}@b and http://c:{}@d",
    ],
)  # fmt: skip
def test_a_secret_is_hidden_and_the_rest_is_left(text: str) -> None:
    whole = text.replace("{}", PASSWORD).replace("{{", "{").replace("}}", "}")
    said = redacted(whole)
    assert PASSWORD not in said
    assert PASSWORD not in clean(whole)
    assert all(word in said for word in ("radio", "x=1") if word in whole and f"{word}&" not in whole)
    assert redacted(said) == said


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:6680/mopidy/ws", "eva@example.org", "a track @ 12:30", "token expired", "password:",
        "local:track:a%20b.flac", "basic channel", "https://host/path?q=1&page=2", "state=RUNNING", "key = value",
    ],
)  # fmt: skip
def test_what_is_no_secret_is_left(text: str) -> None:
    assert redacted(text) == clean(text) == text


@pytest.mark.parametrize("at", range(150, 230, 7))
def test_a_secret_is_hidden_where_the_text_is_cut(at: int) -> None:
    assert PASSWORD[:4] not in clean("x" * at + f" http://foh:{PASSWORD}@host/")


@pytest.mark.parametrize(
    "text", ["http://" + "a" * 10**6, "token=" * 10**5, "password" * 10**5 + "=", "bearer " * 10**5]
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    """Each pattern looks no further than a bound: a million characters take well below a second, not minutes."""
    redacted(text)


def test_an_endpoint_s_password_is_in_no_name_and_no_command() -> None:
    url = f"http://foh:{PASSWORD}@127.0.0.1:6680"
    source = MopidySource("h", url)
    assert (source.address, source.name, source.id.local) == (
        "127.0.0.1:6680",
        "mopidy 127.0.0.1:6680",
        "127.0.0.1:6680",
    )
    argv = _curl(url, "core.playback.stop", {})
    assert argv[-1] == "http://127.0.0.1:6680/mopidy/rpc"
    assert argv[argv.index("-u") + 1] == "foh"  # for which curl asks
    assert "-u" not in _curl("http://127.0.0.1:6680", "core.playback.stop", {})
    assert address_of("http://[::1]:6680") == "[::1]:6680"
    assert without_password("http://127.0.0.1:6680/x") == ("http://127.0.0.1:6680/x", "")


def test_the_password_of_an_output_is_hidden() -> None:
    said = output_of(Unknown(), ["mopidy", "-o", f"audio/output=shout2send ip=radio password={PASSWORD} mount=/a"])
    assert said == "shout2send ip=radio password=*** mount=/a"
