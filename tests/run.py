"""`make test`: all tests, as many at a time as there are processors, and at least two. A skipped test fails the run:
nothing is left out unseen."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

from tests.patience import processors


def main(extra: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = [f"--junitxml={report}", "-n", str(processors()), "--dist", "loadgroup"]
        status = subprocess.run([sys.executable, "-m", "pytest", *options, *extra], check=False).returncode
        totals = count(report) if report.exists() else Counter(failed=1)
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if status or totals["failed"] or totals["skipped"] or not totals["passed"] else 0


def count(report: Path) -> Counter[str]:
    """What the report says; an error counts as a failure."""
    found = Counter[str]()
    for suite in ET.parse(report).getroot().iter("testsuite"):
        tests, skipped = int(suite.attrib["tests"]), int(suite.attrib["skipped"])
        failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
        found += Counter(passed=tests - failed - skipped, failed=failed, skipped=skipped)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
