"""The picture child: runs a program that writes raw pictures, and sends each as a frame (children.py).

    python -m backends.capture.picture_child SIZE SECONDS PROGRAM [ARGUMENT...]

A picture has SIZE bytes. After SECONDS at the latest, or when the program has ended, it sends the last message:

    {"status": 1, "complaint": "ERROR: from element /a:b: Device is busy"}

A program that did not end by itself has status 0: a camera may send nothing.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time

import msgspec
from msgspec import Struct

from backends.child_process import At, die_with_parent, tied

BEAT = 1.0  # seconds between two messages
MOST = 1 << 12  # bytes of the complaint that are kept
READ = 1 << 16  # bytes per read


class ProgramEnd(Struct, frozen=True):
    status: int
    complaint: str


def show(size: int, seconds: float, argv: list[str]) -> ProgramEnd:
    """Sends the program's pictures until it or the time ends. Discards an incomplete picture."""
    end, pictures, complaint = time.monotonic() + seconds, bytearray(), b""
    process = subprocess.Popen(tied(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    with selectors.DefaultSelector() as selector:
        for pipe in (process.stdout, process.stderr):
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() and (left := end - time.monotonic()) > 0:
            ready = selector.select(min(BEAT, left))
            if not ready:
                send(msgspec.json.encode(At("")))
            for key, _ in ready:
                data = os.read(key.fd, READ)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stderr:
                    complaint = (complaint + data)[-MOST:]
                else:
                    pictures += data
                    while len(pictures) >= size:
                        send(msgspec.json.encode({"frame": size}), bytes(pictures[:size]))
                        del pictures[:size]
        ended = not selector.get_map()
    return ProgramEnd(process.wait() if ended else 0, complaint.decode("utf-8", "replace"))


def send(line: bytes, frame: bytes = b"") -> None:
    data = line + b"\n" + frame
    while data:
        data = data[os.write(1, data) :]


def main(size: str, seconds: str, *argv: str) -> None:
    die_with_parent()
    send(msgspec.json.encode(At("")))
    try:
        end = show(int(size), float(seconds), list(argv))
    except OSError as error:
        end = ProgramEnd(1, str(error))
    send(msgspec.json.encode(end))


if __name__ == "__main__":
    main(*sys.argv[1:])
