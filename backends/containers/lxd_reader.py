"""Reads an LXD through pylxd. Blocking: every function here runs in the source's thread.

pylxd takes 0.24 s to import, hence inside. Its session must not trust the environment: REQUESTS_CA_BUNDLE and
proxies would reach even a unix socket's requests. Nothing here may ever call Instance.migrate(): with its
default it destroys the instance on both hosts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

TIMEOUT = (2, 10)  # seconds to connect, and between bytes
Raw = dict[str, Any]


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """pylxd's and requests' exceptions as the built-in ones that they mean."""
    import requests
    from pylxd.exceptions import ClientConnectionFailed, LXDAPIException

    try:
        yield
    except requests.Timeout as error:
        raise TimeoutError("LXD took the connection but did not answer") from error
    except (requests.RequestException, ClientConnectionFailed) as error:
        raise ConnectionError("LXD closed the connection") from error
    except LXDAPIException as error:
        raise ValueError(f"LXD says: {error}") from error


def connect(socket: str) -> Any:
    """A client of one socket, for one thread at a time."""
    import pylxd
    import requests
    from pylxd.client import get_session_for_url

    url = f"http+unix://{quote(socket, safe='')}"
    session: requests.Session = get_session_for_url(url)
    session.trust_env = False
    with plain_errors():
        return pylxd.Client(endpoint=url, session=session, timeout=TIMEOUT)


def everything(client: Any) -> tuple[Raw, object, list[Raw]]:
    """GET /1.0, the host's used memory in bytes, and every project's instances with their state.

    The state costs LXD about 20 ms for each running instance (measured: 150 ms for 8; 4 ms without).
    """
    with plain_errors():
        info = client.api.get().json()["metadata"]
        used = client.resources["memory"].get("used")
        listed = client.api.instances.get(params={"recursion": 2, "all-projects": "true"}).json()["metadata"]
    return info, used, [raw for raw in listed or [] if isinstance(raw, dict)]


def some(client: Any, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Raw | None]:
    """These instances, by (project, name); None for one that is not there any more."""
    from pylxd.exceptions import NotFound

    found: dict[tuple[str, str], Raw | None] = {}
    for project, name in names:
        with plain_errors():
            try:
                node = client.api.instances[quote(name, safe="")]
                found[project, name] = node.get(params={"recursion": 1, "project": project}).json()["metadata"]
            except NotFound:
                found[project, name] = None
    return found
