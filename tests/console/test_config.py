"""Every mistake in the configuration is one sentence with file, line and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import Struct

from console import config
from console.config import ConfigError
from console.session import checked


def load(folder: Path, text: str, **environ: str) -> config.Config:
    file = folder / "venue.toml"
    file.write_text(text)
    return config.load({"FOH_VENUE": str(file), **environ})


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("host = 'a'\nhots = 'b'\n", 2, "unknown key `hots`; expected host, names, joins, inventory"),
        ("host = 3\n", 1, "`host`: Expected `str`, got `int`"),
        ("\nhost = 'a\n", 2, "not valid TOML"),
        ("\nhost = = 3\n", 2, "not valid TOML"),
        ("inventory = ['zone']\n", 1, "`zone` is not an id; expected host/kind/local"),
        ("[[joins]]\nof = 'z/a'\nrelation = 'pcm'\ntoo = 'pcm/b'\n", 4, "`too`; expected of, relation, to"),
        ("[mopidy]\nendpoints = 'http://x'\n", 2, "`endpoints`: Expected `array`, got `str`"),
        ("host = 'a'\n[mopidy]\nendpoint = []\n", 3, "unknown key `endpoint`; expected endpoints"),
        ("host = 'a'\n[usb]\nenumerator = 'guess'\n", 3, "`enumerator`: Invalid enum value 'guess'"),
        *(
            (f"[mopidy]\nendpoints = ['{bad}']\n", 2, "is not a URL; expected one such as http://127.0.0.1:6681")
            for bad in ("bar", "ftp://h:1", "http://", "http://h:99999", "http://[::1", "http://h:x")
        ),
        *(
            (f"[voctomix]\nendpoints = ['{bad}']\n", 2, "is not an address; expected one such as 127.0.0.1:9999")
            for bad in ("", "::1", "[::1", "h:0", "h:99999", "a b:1/x", "http://h:1")
        ),
        ("[lxd]\nsockets = ['alpha=lxd.socket']\n", 2, "is not a path; expected one such as /var/lib/lxd/unix.socket"),
        ("host = 'a'\n\n[mopidi]\nendpoints = []\n", 3, "unknown backend `mopidi`; expected one of "),
    ],
)  # fmt: skip
def test_one_sentence_with_file_and_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked(load(tmp_path, text), {})
    assert str(caught.value).startswith(f"{tmp_path}/venue.toml:{line}: ")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_named_and_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        config.load({"FOH_VENUE": str(tmp_path / "none.toml")})


def test_nothing_is_required(tmp_path: Path) -> None:
    loaded = config.load({"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)})
    assert loaded.file is None or loaded.file == Path("/etc/foh/venue.toml")
    assert loaded.host


def test_environment_over_file_over_nothing(tmp_path: Path) -> None:
    loaded = load(tmp_path, "host='a'\n[mopidy]\nendpoints=['http://1.invalid']\n", FOH_HOST="b")
    assert loaded.host == "b"
    environ = {"FOH_MOPIDY_ENDPOINTS": "http://127.0.0.1:1, http://127.0.0.1:2"}
    assert checked(loaded, {})["mopidy"] == {"endpoints": ["http://1.invalid"]}
    assert checked(loaded, environ)["mopidy"] == {"endpoints": ["http://127.0.0.1:1", "http://127.0.0.1:2"]}


class Sample(Struct, forbid_unknown_fields=True):
    words: list[str] = []
    number: int = 1
    text: str = ""


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [("WORDS", "a, b", ["a", "b"]), ("NUMBER", "3", 3), ("TEXT", "3", "3"), ("WORDS", "", [])],
)
def test_environment_values_take_the_type_of_the_setting(
    tmp_path: Path, field: str, value: str, wanted: object
) -> None:
    loaded = load(tmp_path, "")
    assert config.settings(loaded, "x", Sample, {f"FOH_X_{field}": value}) == {field.lower(): wanted}


def test_a_wrong_environment_value_names_the_variable() -> None:
    bare = config.of_table({}, None, "", {"FOH_STATE": "/nowhere"})
    with pytest.raises(ConfigError, match=r"^FOH_X_NUMBER: Expected `int`, got `str`$"):
        config.settings(bare, "x", Sample, {"FOH_X_NUMBER": "many"})


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("127.0.0.1:6681", "{}:2"),
        ("10.0.0.5:9998", "{}:4"),
        ("mopidy 127.0.0.1:6690", ""),
        ("usb", ""),
    ],
)
def test_where_an_address_comes_from(tmp_path: Path, source: str, place: str) -> None:
    loaded = load(
        tmp_path,
        "[mopidy]\nendpoints = ['http://127.0.0.1:6681']\n[voctomix]\nendpoints = ['10.0.0.5:9998']\n",
    )
    assert config.configured_at(loaded, source) == place.format(loaded.file)
