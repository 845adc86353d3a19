"""`make screenshots`: pictures of the embedded venue standing still, as SVG and PNG, into screenshots/."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

from tests.console.embedded import console
from tests.patience import BOUND

FOLDER = Path(__file__).parent.parent / "screenshots"
PICTURES: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = {
    "venue-160x48": ((160, 48), ()),
    "venue-120x36": ((120, 36), ()),
    "trouble-80x24": ((80, 24), ()),
    "zones-80x24": ((80, 24), ("1",)),
    "too-small-40x10": ((40, 10), ()),
    "incident-120x36": ((120, 36), ("enter",)),
    "board-120x36": ((120, 36), ("2", "down", "enter")),
    "plan-120x36": ((120, 36), ("2", "slash", *"office", "enter", "f")),
    "help-80x24": ((80, 24), ("question_mark",)),
}


async def take(name: str, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as state:
        async with console(size, Path(state)) as (app, pilot):
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            await pilot.pause()
            # Without it, drawing programs swallow the blanks at both ends of a word.
            picture = app.export_screenshot(title="foh").replace("<text ", '<text xml:space="preserve" ')
            picture = picture.replace("Fira Code", "DejaVu Sans Mono")  # what the PNG is drawn with, on any machine
            (FOLDER / f"{name}.svg").write_text(picture, "utf-8")
    subprocess.run(["rsvg-convert", "-o", FOLDER / f"{name}.png", FOLDER / f"{name}.svg"], check=True, timeout=BOUND)
    print(f"screenshots/{name}.png")


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, (size, keys) in PICTURES.items():
        await take(name, size, keys)


if __name__ == "__main__":
    asyncio.run(main())
