"""The whole application without a terminal: ends with status 0 when its picture holds a text.

python -m tests.headless CONFIGURATION-AS-JSON STATE-FOLDER TEXT
"""

from __future__ import annotations

import asyncio
import json
import sys

from console.app import Foh
from console.config import of_table
from console.session import open_session
from tests.patience import until_async


async def main(table: str, state: str, text: str) -> int:
    config = of_table(json.loads(table), None, "", {"FOH_STATE": state})
    app = Foh(lambda: open_session(lambda: config))
    async with app.run_test(size=(160, 48)):
        await until_async(lambda: text in str(app.export_screenshot()))
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
