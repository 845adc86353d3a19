"""A voctocore that one of its clients has made to say 30,000 lines a second to everybody, or as many as it can.

python -m tests.bench.flood [LINES-A-SECOND]: prints its port, then answers and floods until it is killed.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time

ANSWERS = {
    "report_ports": "port_report {}",
    "get_config": 'server_config {"mix": {"sources": "cam1,cam2"}}',
    "get_composite_modes": "composite_modes fullscreen,picture_in_picture",
    "get_composite_mode_and_video_status": "composite_mode_and_video_status fullscreen cam1 cam2",
    "get_stream_status": "stream_status live",
    "get_audio": 'audio_status {"cam1": 1.0, "cam2": 0.0}',
}
LINES = (b"message x\n", b"video_status cam1 cam2\n", b"video_status cam2 cam1\n")
TICK = 0.01  # seconds


def answer(client: socket.socket, turn: threading.Lock) -> None:
    with contextlib.suppress(OSError):  # it has gone
        for line in client.makefile("r"):
            word, _, rest = line.strip().partition(" ")
            said = f"value {rest}" if word == "fetch_value" else ANSWERS.get(word, f"message {word}")
            with turn:
                client.sendall(said.encode() + b"\n")


def flood(client: socket.socket, rate: int) -> None:
    turn = threading.Lock()
    threading.Thread(target=answer, args=(client, turn), daemon=True).start()
    many = b"".join(LINES) * max(1, round((rate or 30_000) * TICK / len(LINES)))
    with contextlib.suppress(OSError):
        while True:
            with turn:
                client.sendall(many)
            if rate:
                time.sleep(TICK)


def main(rate: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            threading.Thread(target=flood, args=(client, rate), daemon=True).start()


if __name__ == "__main__":
    main(int(next(iter(sys.argv[1:]), "30000")))
