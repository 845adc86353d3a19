"""`make test`: all tests, in two passes, with one total at the end.

First what mostly waits for deadlines, several at a time; then what measures time or reads a terminal, alone. A
skipped test fails the run: nothing is left out unseen.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

PASSES = (
    ["-m", "not alone", "-n", "2", "--dist", "loadscope"],
    ["-m", "alone"],
)


def main(extra: list[str]) -> int:
    totals, worst = Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        for number, options in enumerate(PASSES):
            report = Path(folder) / f"{number}.xml"
            argv = [sys.executable, "-m", "pytest", f"--junitxml={report}", *options, *extra]
            worst = max(worst, abs(subprocess.run(argv, check=False).returncode))
            totals += count(report) if report.exists() else Counter(failed=1)
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if worst or totals["failed"] or totals["skipped"] or not totals["passed"] else 0


def count(report: Path) -> Counter[str]:
    """What one pass's report says; an error counts as a failure."""
    suites = ET.parse(report).getroot().iter("testsuite")
    found = Counter[str]()
    for suite in suites:
        tests, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
        failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
        found += Counter(passed=tests - failed - skipped, failed=failed, skipped=skipped)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
