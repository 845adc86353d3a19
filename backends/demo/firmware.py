"""The console of the capture boards' firmware, in its three generations. Pure.

Shapes of the answers: logs and issues of HDMI2USB's firmware from 2015 to 2020. It echoes its input, accepts any end
of line, and ends each answer with its prompt and nothing else. `video_mode list` hangs it (its issue 331).
"""

from __future__ import annotations

FIRST, SECOND, THIRD = "2015", "2016", "2017"  # the year in which each appeared
SIGNALS = {  # input1's size, and its clock in kHz
    "good": ("1280x720", 74249),
    "none": ("0x0", 0),
    "no lock": ("0x0", 74250),
    "wrong mode": ("1024x768", 65000),
    "input off": ("0x0", 0),
    "test pattern": ("1280x720", 74249),  # which the encoder does not take
}
LONGEST = 127  # bytes of a line
HANGS = "video_mode list"
UNKNOWN = ("Command not found",)


class Firmware:
    """One board's console. `signal` is the signal at input1. A hung console reads its input and does not answer."""

    def __init__(self, generation: str = THIRD) -> None:
        self.generation, self.signal, self.hung = generation, "good", False
        self.commands: list[str] = []
        self._line = bytearray()
        self._started: float | None = None

    def receive(self, data: bytes, now: float) -> bytes:
        """The answer to typed bytes. `now` is any clock in seconds: the prompt shows the uptime."""
        started = self._started = now if self._started is None else self._started
        said = bytearray()
        for byte in data:
            if self.hung:
                break
            if byte in b"\r\n":
                said += self._obey(self._line.decode("latin-1").strip(), now - started)
                self._line.clear()
            elif len(self._line) < LONGEST:
                self._line.append(byte)
                said.append(byte)
        return bytes(said)

    def prompt(self, uptime: float) -> str:
        if self.generation != THIRD:
            return "HDMI2USB>"
        minutes, seconds = divmod(int(uptime), 60)
        return f"H2U {minutes // 60 % 24:02d}:{minutes % 60:02d}:{seconds:02d}>"

    def _obey(self, command: str, uptime: float) -> bytes:
        self.commands.append(command)
        self.hung = command == HANGS
        if self.hung:
            return b"\r\n"
        answers = {"": (), "status": self._status()}
        if self.generation == THIRD:
            answers["status short"] = self._short()
        lines = answers.get(command, UNKNOWN)
        return "".join(("\r\n", *(f"{line}\r\n" for line in lines), self.prompt(uptime))).encode()

    def _status(self) -> tuple[str, ...]:
        size, clock = SIGNALS[self.signal]
        if self.generation == FIRST:
            return (f"dvi_in: {size} | dvi_out: OFF | encoder: 40 fps, q: 50",)
        source = "pattern" if self.signal == "test pattern" else "input1"
        if self.generation == SECOND:
            return (
                "input0:  0x0 (@ 0 kHz)",
                f"input1:  {size} (@ {clock} kHz)",
                "output0: off",
                "output1: 1280x720@50Hz from input1",
                f"encoder: 1280x720 @ 0fps (0Mbps) from {source} (q: 85)",
                "ddr: read:  734Mbps  write:  736Mbps  all: 1470Mbps",
            )
        return (
            "input0:  0x0 (@0.00 MHz) (disabled)",
            f"input1:  {size} (@{clock / 1000:.2f} MHz) ({'disabled' if self.signal == 'input off' else 'capturing'})",
            "output0: 1280x720@50.00Hz from input1 (underflows: 0)",
            "output1: 1280x720@50.00Hz from pattern (underflows: 0)",
            "EDID primary mode:   1280x720@50.00Hz",
            "EDID secondary mode: 1280x720@60.00Hz",
            f"encoder: 1280x720 @ 25fps from {source} (q: 85)",
            "ddr: ",
        )

    def _short(self) -> tuple[str, ...]:
        size, clock = SIGNALS[self.signal]
        return (
            f"status1: in0: 0x0@0.00MHz, in1: {size}@{clock / 1000:.2f}MHz, "
            "out0: 1280x720@50.00Hz input1 (uf:0), out1: 1280x720@50.00Hz pattern (uf:0) ",
            "status2: EDID: 1280x720@50.00Hz/1280x720@60.00Hz, enc: 1280x720@25fps input1 (q:85), ddr: ",
        )
