"""Passwords and tokens in texts from outside are replaced where the text enters (contract.clean), so that they are not
shown, reported or written to the journal. Pure; the patterns are bounded, because the texts are foreign."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

HIDDEN = "***"
_IN_URI = re.compile(r"(?<=://)[^\s/?#]{1,500}@")  # RFC 3986, 3.2.1: userinfo
_NAMED = re.compile(
    r"((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key)"
    r"(?:[\"']\s{0,3}:\s{0,3}[\"']|\s{0,3}=\s{0,3}[\"']?))[^\s\"'&,;]{1,500}",
    re.IGNORECASE,
)
_HEADER = re.compile(r"\b(bearer|basic)(\s{1,3})[A-Za-z0-9._~+/=-]{8,500}", re.IGNORECASE)


def redacted(text: str) -> str:
    """The text without userinfo in URIs, without the values of what is called a password, secret, token or key, and
    without credentials of HTTP."""
    if "@" in text and "://" in text:
        text = _IN_URI.sub(f"{HIDDEN}@", text)
    if "=" in text or '": "' in text or "': '" in text:
        text = _NAMED.sub(rf"\1{HIDDEN}", text)
    if " " in text and ("earer" in text or "asic" in text):
        text = _HEADER.sub(rf"\1\2{HIDDEN}", text)
    return text


def address_of(url: str) -> str:
    """Host and port of a URL, without its userinfo."""
    return urlsplit(url).netloc.rpartition("@")[2]


def without_password(url: str) -> tuple[str, str]:
    """A URL without its userinfo, and the user's name in it ("": none)."""
    parts = urlsplit(url)
    return parts._replace(netloc=address_of(url)).geturl(), parts.username or ""
