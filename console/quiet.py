"""Libraries' warnings and tracebacks never reach the terminal: they go to the file that FOH_LOG names, or nowhere."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Mapping

LOG = logging.getLogger("foh")


def keep_quiet(environ: Mapping[str, str] = os.environ) -> None:
    """For this process: what is logged, warned of, or raised where nobody can catch it."""
    handler: logging.Handler = logging.NullHandler()
    if file := environ.get("FOH_LOG"):
        with contextlib.suppress(OSError):
            handler = logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().handlers = [handler]
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    sys.unraisablehook = _unraisable
    threading.excepthook = _in_thread


def _unraisable(what: sys.UnraisableHookArgs) -> None:
    LOG.error("%s %r", what.err_msg, what.object, exc_info=what.exc_value)


def _in_thread(what: threading.ExceptHookArgs) -> None:
    LOG.error("in thread %s", what.thread and what.thread.name, exc_info=what.exc_value)
