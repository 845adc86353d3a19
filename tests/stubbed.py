"""Runs a module of ours with a library replaced by a stub that takes everything and does nothing.

python -m tests.stubbed LIBRARY MODULE [ARGUMENTS...]      LIBRARY may be "": then nothing is replaced
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import runpy
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, cast
from unittest.mock import MagicMock


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the library, and everything in it, in a stub."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] != self._library:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return cast(ModuleType, MagicMock(name=spec.name))

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it."""


def main(library: str, module: str, *arguments: Any) -> None:
    if library:
        sys.meta_path.insert(0, Stubs(library))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
