"""The serial console of an HDMI2USB board's firmware: sends one command, which changes nothing.

It echoes its input and ends each answer with its prompt, `HDMI2USB>` or `H2U 00:12:07>`. Opening it before the board's
video runs keeps the video from starting (HDMI2USB-fx2-firmware's issue 14): callers check first that the video runs.
Over USB any speed works; the boards' own serial chips use this one.
"""

from __future__ import annotations

import termios

from backends.contract import clean

SPEED, LONGEST = 115200, 4096  # baud; bytes of an answer
ANSWER = 1.0  # seconds
PROMPT = b">"


def status(device: str) -> str:
    """Its answer to `status`, line by line. Raises TimeoutError (no answer), BlockingIOError (another program has the
    console), PermissionError, OSError. Blocking, for five times ANSWER at most."""
    import serial  # imported when the first board's video runs

    try:
        with serial.Serial(device, SPEED, timeout=ANSWER, write_timeout=ANSWER, exclusive=True) as port:
            said = b""
            for command in (b"", b"status"):  # the first ends a line that somebody may have left unfinished
                port.write(command + b"\r")
                said = port.read_until(PROMPT, LONGEST)
                if not said.endswith(PROMPT):
                    raise TimeoutError(f"the firmware does not answer on {device}")
            return "\n".join(clean(line) for line in said.decode("utf-8", "replace").splitlines())
    except serial.SerialTimeoutException as error:
        raise TimeoutError(f"the firmware does not read from {device}") from error
    except serial.SerialException as error:  # hides the original OSError
        raise OSError(error.errno, error.strerror) if error.errno else OSError(str(error)) from error
    except termios.error as error:
        raise OSError(*error.args) from error
