"""The screen, driven by keys on the embedded venue: at every size, in detail, and when it is only to be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from textual.timer import Timer

from console.options import who
from console.screens.ask import Ask
from console.screens.confirm import Confirm
from console.venue.venue import Update
from console.widgets.rows import Rows
from tests.console.embedded import console, shown
from tests.patience import changed
from tests.patience import until_async as until

SIZES = [(160, 48), (120, 36), (80, 24)]


@pytest.mark.parametrize("size", SIZES)
async def test_every_size_shows_the_trouble_first(size: tuple[int, int], tmp_path: Path) -> None:
    async with console(size, tmp_path) as (app, pilot):
        screen = shown(app)
        assert "kitchen is silent: no amplifier at USB port 1-1.3.3" in screen.replace("…", "") or size[0] == 80
        assert "kitchen" in screen
        assert "sources 1" in screen
        for count in ("1 zones 8/9", "2 boards 7/9", "3 mixers 0/1", "4 instances 11/12"):
            assert count in screen
        if size[0] >= 120:
            assert all(f"{n} {title}" in screen for n, title in enumerate(("audio zones", "amplifiers"), 1))
            assert "amp-office" in screen
            assert re.search(r"C amp-kitchen +not found", screen)
        else:
            assert "evidence" in screen
            await pilot.press("1")
            await until(lambda: "greenroom" in shown(app))
            await pilot.press("escape")
            await until(lambda: "evidence" in shown(app))


async def test_the_panes_go_on_where_textual_is_late_for_its_own_timers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine so busy that a timer which fires once finds its moment passed: Textual then skips it."""
    run = Timer._run

    async def late(timer: Timer) -> None:
        if timer._repeat is None:
            await run(timer)

    monkeypatch.setattr(Timer, "_run", late)
    async with console((160, 48), tmp_path, still=False) as (app, _):

        def positions() -> list[str]:
            return re.findall(r"playing .*? (\d+:\d\d) ", shown(app))

        await until(positions)
        before = positions()
        await until(lambda: positions() != before)


async def test_too_small_says_so_and_comes_back(tmp_path: Path) -> None:
    async with console((40, 10), tmp_path) as (app, pilot):
        assert "foh needs 60x20; this terminal has 40x10" in shown(app).replace("\n", "")
        await pilot.resize_terminal(120, 36)
        await until(lambda: "amp-office" in shown(app))
        await pilot.resize_terminal(80, 24)
        await until(lambda: "evidence" in shown(app))


async def test_a_zone_s_detail_says_everything_and_leads_on(tmp_path: Path) -> None:
    async with console((120, 60), tmp_path) as (app, pilot):
        await pilot.press("1", "enter")
        await until(lambda: "leads to" in shown(app))
        screen = shown(app)
        for said in (
            "zone bar",
            "Blue in Green",
            "core.playback.get_state",
            "software-mute",
            "offers",
            "the venue says so",
        ):
            assert said in screen
        await pilot.press("enter")  # follows the first link: to the PCM
        await until(lambda: "pcm bar" in shown(app))
        assert "PAUSED" in shown(app)
        await pilot.press("escape", "escape")
        await until(lambda: "1 audio zones" in shown(app))


async def test_filter_hides_says_so_and_is_cleared(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path) as (app, pilot):
        await pilot.press("1", "slash", *"gar")
        await until(lambda: "(8 hidden)" in shown(app))
        await pilot.press("enter")
        await until(lambda: "filter:" not in shown(app) or "garden" in shown(app))
        screen = shown(app)
        assert "garden" in screen
        assert "terrace  " not in screen.replace("amp-terrace", "")
        await pilot.press("escape")
        await until(lambda: "hidden" not in shown(app))


async def test_a_fix_is_shown_confirmed_run_and_seen_to_work(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path) as (app, pilot):
        assert app.venue
        table = app.screen.query_one("#incidents", Rows)
        while table.cursor and "encode3" not in str(table.cursor):
            await pilot.press("j")
        await pilot.press("f")
        await until(lambda: "step 1" in shown(app))
        assert "lxc start encode3" in shown(app)
        await pilot.press("enter")
        await until(lambda: "done: " in shown(app))
        await until(lambda: not any("encode3" in str(key) for key in app.venue.incidents.open))
        entries = await app.venue.journal.about("venue1/instance/encode3")
        assert [entry.what for entry in reversed(entries)][:1] == ["planned"]
        assert entries[0].what == "done"


async def test_a_plan_that_is_longer_than_the_screen_is_read_to_its_end_before_it_is_run(tmp_path: Path) -> None:
    async with console((80, 24), tmp_path) as (app, pilot):
        await pilot.press("colon", *"amp-office let")
        await until(lambda: "amp-office: let" in shown(app))
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, Ask))
        await pilot.press("enter")
        await until(lambda: "step 1" in shown(app))
        assert "success " not in shown(app)
        for _ in range(60):
            await pilot.press("j")
        await until(lambda: "power is suspended within" in shown(app))
        assert 'ATTR{authorized}="0"' in shown(app) or "step 3" in shown(app)
        await pilot.press("enter")
        await until(lambda: "done: " in shown(app))


async def test_cancel_is_focused_where_something_would_be_disrupted_and_changes_nothing(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path) as (app, pilot):
        assert app.venue
        await pilot.press("4", "a")
        await until(lambda: "actions on" in shown(app))
        choices = app.screen.query_one("#choices", Rows)
        while "stop" not in str(choices.cursor):
            await pilot.press("j")
        await pilot.press("enter")
        await until(lambda: "[disruptive]" in shown(app) or "clean" in shown(app))
        if "[disruptive]" not in shown(app):  # how: clean or force
            await pilot.press("enter")
            await until(lambda: "[disruptive]" in shown(app))
        await pilot.press("enter")
        await until(lambda: len(app.screen_stack) == 1)
        await until(
            changed(lambda: [at for source, at in app.venue.state.seen_at.items() if source.local.startswith("lxd")])
        )
        assert all(i.state == "Running" for i in app.venue.state.of_kind("instance") if i.name != "encode3")  # type: ignore[attr-defined]


async def test_acknowledge_and_silence_are_marked_and_journalled(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path) as (app, pilot):
        assert app.venue
        await pilot.press("A")
        await until(lambda: "ack " in shown(app).split("\n")[3] + shown(app))
        key = next(i.key for i in app.venue.incidents.open.values() if i.acked_by)
        await until(lambda: "1 acked" in shown(app))
        await pilot.press("S")
        await until(lambda: "1 silenced" in shown(app))
        entries = await app.venue.journal.about(f"{key[0]} {key[1]}")
        assert {"acked"} <= {entry.what for entry in entries}
    async with console((120, 36), tmp_path) as (app, _):  # the journal remembers
        assert app.venue
        assert any(i.acked_by or i.silenced_until for i in app.venue.incidents.open.values())


async def test_read_only_has_no_key_that_changes_anything(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path, read_only=True) as (app, pilot):
        assert app.venue
        assert "READ-ONLY" in shown(app)
        before = {key: incident.acked_by for key, incident in app.venue.incidents.open.items()}
        for key in ("a", "f", "m", "A", "S"):
            await pilot.press(key)
            await pilot.pause()
            assert len(app.screen_stack) == 1
        assert {key: incident.acked_by for key, incident in app.venue.incidents.open.items()} == before
        await pilot.press("enter")
        await until(lambda: "evidence" in shown(app))
        assert " fix" not in shown(app).splitlines()[-1]


async def test_a_key_that_a_kind_declares_starts_its_action(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path) as (app, pilot):
        await pilot.press("1", "m")
        await until(lambda: "amixer -D" in shown(app))
        assert isinstance(app.screen, Confirm)


async def test_commands_find_actions_and_resources_by_name(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path) as (app, pilot):
        await pilot.press("colon", *"garden play")
        await until(lambda: "zone garden: play" in shown(app))
        await pilot.press("enter")
        await until(lambda: "step 1" in shown(app))
        assert "core.playback.play" in shown(app)


async def test_help_lists_the_keys_and_history_the_journal(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path) as (app, pilot):
        await pilot.press("question_mark")
        await until(lambda: "acknowledge the incident" in shown(app))
        await pilot.press("escape", "l")
        await until(lambda: "journal of" in shown(app))
        await until(lambda: "opened" in shown(app))


async def test_a_screen_that_is_just_opening_is_not_painted_before_it_is_there(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path) as (app, pilot):
        app.action_help()
        app._due.append(Update(frozenset(), True))
        app._paint_due()  # as an observation at this very moment does
        app.say("news")
        await until(lambda: "acknowledge the incident" in shown(app))
        await pilot.press("escape")
        await until(lambda: "1 audio zones" in shown(app))


async def test_what_is_marked_is_acted_on_together(tmp_path: Path) -> None:
    async with console((120, 60), tmp_path) as (app, pilot):
        await pilot.press("1", "space", "space", "space")  # bar, foyer, gallery
        await until(lambda: "3 marked" in shown(app))
        assert re.search(r"\* ?bar ", shown(app))
        await pilot.press("a")
        await until(lambda: "actions on these 3" in shown(app))
        assert "stop: 3 of 3" in shown(app)
        await pilot.press("down", "enter")  # nothing can be paused
        await until(lambda: "3 side by side: stop" in shown(app))
        await pilot.press("enter")
        await until(lambda: "stop: 3 of 3 done; confirmed within" in shown(app))
        await pilot.press("escape")
        await until(lambda: "*" not in shown(app).split("1 audio zones")[1].split("2 amplifiers")[0])
        await pilot.press("asterisk")
        await until(lambda: "marked: a acts on all" in shown(app))
        await pilot.press("i", "a")  # an incident is not what is marked
        await until(lambda: "no actions for" in shown(app))
        await pilot.press("1")
        await pilot.press("asterisk")
        await until(lambda: "marked" not in shown(app))


async def test_what_is_gone_for_good_is_not_missed_any_more(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path) as (app, pilot):
        venue, lost = app.venue, "no amplifier at USB port 1-1.3.3"
        assert venue
        table = app.screen.query_one("#incidents", Rows)
        while "1-1.3.3" not in str(table.cursor):
            await pilot.press("j")
        await pilot.press("a")
        await until(lambda: "forget it: in the inventory; run foh init" in shown(app))
        await pilot.press("enter", "escape")
        assert lost in shown(app)
        assert "2 boards 7/9" in shown(app)
        venue.expected = frozenset()
        await pilot.press("a")
        await until(lambda: "forget it: not missed any more" in shown(app))
        await pilot.press("enter")
        await until(lambda: lost not in shown(app) and "2 boards 7/8" in shown(app))
        await until(lambda: "silent: says playing, but its position stays at" in shown(app))
        (entry, *_) = await venue.journal.about("venue1/board/1-1.3.3")
        assert (entry.what, entry.who) == ("forgotten", who())


async def test_read_only_marks_nothing(tmp_path: Path) -> None:
    async with console((120, 36), tmp_path, read_only=True) as (app, pilot):
        await pilot.press("1", "space", "asterisk")
        await pilot.press("question_mark")
        await until(lambda: "leave the program" in shown(app) or len(app.screen_stack) == 2)
        await pilot.press("escape")
        await until(lambda: len(app.screen_stack) == 1)
        assert "marked" not in shown(app)


async def test_an_amplifier_s_detail_says_why_it_is_awake(tmp_path: Path) -> None:
    async with console((120, 60), tmp_path) as (app, pilot):
        await pilot.press("2", "slash", *"office", "enter", "enter")
        await until(lambda: "why is it awake?" in shown(app))
        screen = shown(app)
        assert "its policy is to stay awake, which is the kernel's default" in screen
        assert "usbhid holds its HID interface, and it has no remote wakeup" in screen
        assert screen.count("let the amplifier sleep when nothing plays  (let-sleep)") >= 2
