"""Many who write at once: nobody's word is lost, and nobody is told that the journal fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

from console.venue.journal import Entry, Journal


async def test_many_write_at_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    await journal.open()

    async def writer(number: int) -> None:
        for count in range(400):
            await journal.write(Entry(count, "who", "step", f"s{number}", str(count)))

    await asyncio.gather(*map(writer, range(8)))
    for number in range(8):
        assert [int(entry.text) for entry in await journal.about(f"s{number}", 500)] == list(range(400))[::-1]
    assert journal.trouble == ""
    await journal.close()
