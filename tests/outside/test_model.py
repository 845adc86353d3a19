"""What a server's answer means, what an action is, and when a rule speaks: tables, without a server."""

from __future__ import annotations

import msgspec
import pytest
from foh_snapcast.model import Client, Group, Server, Speaker, silent, speaker, work_out

from backends.contract import Gone, Offer, Refused, Unknown
from backends.testing.checks import LoneView

ANSWER = """{"streams": [{"id": "music", "status": "STATUS"}, {"id": "news", "status": "idle"}], "groups": [{
"id": "g", "stream_id": "music", "clients": [{"id": "aa:aa", "connected": CONNECTED,
"host": {"name": "pi1", "ip": "::1"},
"config": {"name": "NAME", "latency": 0, "volume": {"muted": MUTED, "percent": 40}}}]}]}"""


def answer(status: str = "playing", connected: str = "true", muted: str = "false", name: str = "") -> Server:
    text = ANSWER.replace("STATUS", status).replace("CONNECTED", connected)
    return msgspec.json.decode(text.replace("MUTED", muted).replace("NAME", name), type=Server)


def of(server: Server) -> tuple[Speaker, Group, Client]:
    (group,) = server.groups
    (client,) = group.clients
    return speaker("h", "snap:1705", server, group, client, 1000.0), group, client


@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        ({}, "state", "playing"),
        ({"status": "idle"}, "state", "idle"),
        ({"connected": "false"}, "state", "away"),
        ({}, "name", "pi1"),
        ({"name": "kitchen"}, "name", "kitchen"),
        ({}, "volume", 40),
    ],
)
def test_an_answer_becomes_a_speaker(said: dict[str, str], field: str, value: object) -> None:
    assert getattr(of(answer(**said))[0], field) == value


@pytest.mark.parametrize(
    ("action", "args", "why"),
    [
        ("volume", {"percent": "40"}, "already"),
        ("volume", {"percent": "101"}, "no volume"),
        ("volume", {"percent": "9" * 5000}, "no volume"),
        ("unmute", {}, "not muted"),
        ("stream", {"stream": "music"}, "no stream"),
        ("explode", {}, "no action"),
    ],
)
def test_what_would_do_nothing_is_refused(action: str, args: dict[str, str], why: str) -> None:
    now, group, client = of(answer())
    with pytest.raises(Refused, match=why):
        work_out("snap:1705", now, group, client, Offer(now.id, action, ""), args)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, None),
        ({"muted": "true"}, "SPEAKER-MUTED"),
        ({"muted": "true", "status": "idle"}, None),
        ({"connected": "false"}, "SPEAKER-AWAY"),
    ],
)
def test_a_silent_speaker_is_found(said: dict[str, str], code: str | None) -> None:
    verdict = silent(of(answer(**said))[0], LoneView(1000.0))
    assert [finding.code for finding in verdict.findings] == ([code] if code else [])


def test_what_is_unknown_or_gone_is_not_judged() -> None:
    now = of(answer())[0]
    blank = msgspec.structs.replace(now, state=Unknown())
    assert all(silent(subject, LoneView(1000.0)).undecided for subject in (blank, Gone(now.id, now, 1000.0)))
