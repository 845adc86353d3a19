"""The serial console of an HDMI2USB board's firmware: asked one thing, by which nothing changes.

It echoes what is typed and ends each answer with its prompt, `HDMI2USB>` or `H2U 00:12:07>`. Opening it before the
board's video runs keeps the video from starting (HDMI2USB-fx2-firmware's issue 14): whoever asks makes sure that it
does. Over USB any speed will do; the boards' own serial chips have this one.
"""

from __future__ import annotations

import termios

from backends.contract import clean

SPEED, LONGEST = 115200, 4096  # baud; bytes of an answer
ANSWER = 1.0  # seconds
PROMPT = b">"


def status(device: str) -> str:
    """Its answer to `status`, line by line. Raises TimeoutError (it says nothing), BlockingIOError (another program has
    the console), PermissionError, OSError. Blocking, for five answers' time at most."""
    import serial  # loaded when the first board's video runs

    try:
        with serial.Serial(device, SPEED, timeout=ANSWER, write_timeout=ANSWER, exclusive=True) as port:
            said = b""
            for command in (b"", b"status"):  # the first ends what somebody may have left half typed
                port.write(command + b"\r")
                said = port.read_until(PROMPT, LONGEST)
                if not said.endswith(PROMPT):
                    raise TimeoutError(f"the firmware does not answer on {device}")
            return "\n".join(clean(line) for line in said.decode("utf-8", "replace").splitlines())
    except serial.SerialTimeoutException as error:
        raise TimeoutError(f"the firmware does not read from {device}") from error
    except serial.SerialException as error:  # hides which OSError it was
        raise OSError(error.errno, error.strerror) if error.errno else OSError(str(error)) from error
    except termios.error as error:
        raise OSError(*error.args) from error
