"""What a program on the machine gets of a capture board: its pictures, and its firmware's console."""

from __future__ import annotations

import os
import select
import subprocess
import termios
from pathlib import Path

from tests.patience import BOUND

SIZE = "width=1280,height=720,pixelformat=MJPG"
BEGINS = b"\xff\xd8\xff"  # a JPEG file, and nothing within one
THUMBNAIL = (64, 36)


def pictures(device: str, count: int, folder: Path, deadline: float = BOUND) -> list[bytes]:
    """The next pictures of a camera. Fails when they have not come by then."""
    file = folder / "pictures.mjpg"
    take = ["v4l2-ctl", "-d", device, f"--set-fmt-video={SIZE}", "--stream-mmap=4", f"--stream-count={count}"]
    subprocess.run([*take, f"--stream-to={file}"], check=True, timeout=deadline, capture_output=True)
    found = [BEGINS + rest for rest in file.read_bytes().split(BEGINS)[1:]]
    assert len(found) == count
    return found


def brightness(picture: bytes, folder: Path) -> tuple[float, float]:
    """The mean of the picture's luma from 0 to 255, and how far points lie from it in the mean."""
    file, points = folder / "one.jpg", folder / "one.gray"
    file.write_bytes(picture)
    width, height = THUMBNAIL
    pipeline = (
        f"filesrc location={file} ! jpegdec ! videoscale method=0 ! videoconvert ! "
        f"video/x-raw,format=GRAY8,width={width},height={height} ! filesink location={points}"
    )
    subprocess.run(["gst-launch-1.0", "-q", *pipeline.split()], check=True, timeout=BOUND)
    every = points.read_bytes()
    mean = sum(every) / len(every)
    return mean, sum(abs(point - mean) for point in every) / len(every)


class Console:
    """A serial port, as a program opens it: raw, and without becoming its controlling terminal."""

    def __init__(self, device: str) -> None:
        self._fd = os.open(device, os.O_RDWR | os.O_NOCTTY)
        mode = termios.tcgetattr(self._fd)
        mode[0] = mode[1] = mode[3] = 0
        mode[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        termios.tcsetattr(self._fd, termios.TCSANOW, mode)

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def ask(self, command: str, deadline: float = BOUND) -> str:
        """What it says until its prompt. Raises TimeoutError with what has come when nothing more comes until the
        deadline."""
        os.write(self._fd, command.encode() + b"\r")
        said = b""
        while not said.endswith(b">"):
            if not select.select([self._fd], [], [], deadline)[0]:
                raise TimeoutError(said.decode())
            said += os.read(self._fd, 4096)
        return said.decode()
