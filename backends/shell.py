"""Commands as they can be pasted into a shell: the only place where argv becomes text.

A word is in quotes unless every character of it is plain. Whatever a terminal would act on, or not show, is written as
an octal number that `printf` turns back, so a command never has a line break of its own. Where it has several rows,
each is complete in itself and ends in a backslash: no row can be run alone as something else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

LONGEST = 2000  # characters: what is longer than a screen is not pasted by hand
NARROWEST = 40  # columns in which a command is written
_PLAIN = re.compile(r"(?!=)[A-Za-z0-9_@%+=:,./-]+").fullmatch  # zsh expands `=word`


def quoted(word: str) -> str:
    """One word of a command."""
    if _PLAIN(word):
        return word
    if all(map(_is_shown, word)):
        return "'" + word.replace("'", "'\"'\"'") + "'"
    said = word.rstrip("\n")  # `$(...)` drops them
    lines = len(word) - len(said)
    return (f"\"$(printf '{_octal(said)}')\"" if said else "") + ("$'" + r"\n" * lines + "'" if lines else "")


def shell(argv: Sequence[str]) -> str:
    """The command in one line."""
    return " ".join(map(quoted, argv))


def rows(argv: Sequence[str], width: int) -> list[str]:
    """The command in rows of at most `width` columns, which are pasted together; none for an empty one, and a comment
    for one that is too long."""
    if not argv:
        return []
    if len(whole := shell(argv)) > LONGEST:
        return [f"# a command of {len(whole)} characters"]
    room, done, row = max(width, NARROWEST) - len(" \\"), list[str](), ""
    for word in argv:
        text = quoted(word)
        if row and _columns(row) + 1 + _columns(text) <= room:
            row += f" {text}"
            continue
        if row:
            done.append(f"{row} \\")
        *parts, row = _parts(word, room)
        done += [f"{part}\\" for part in parts]
    return [*done, row]


def guarded(*words: str) -> tuple[str, ...]:
    """Foreign words for the end of a command, where its options end with `--` if one of them looks like one."""
    return ("--", *words) if any(word.startswith("-") for word in words) else words


def _parts(word: str, room: int) -> Iterator[str]:
    """The word as quoted texts of at most `room` columns, which make it without a blank between them."""
    while _columns(quoted(word)) > room:
        end = room
        while end > 1 and (_columns(quoted(word[:end])) > room or word[end - 1] == "\n"):
            end -= 1
        end = word.rfind(" ", end // 2, end) + 1 or end  # between words of a text, where there is a blank
        yield quoted(word[:end])
        word = word[end:]
    yield quoted(word)


def _is_shown(char: str) -> bool:
    return char.isprintable() and not unicodedata.category(char).startswith("M")


def _octal(text: str) -> str:
    """The text for printf(1): all but plain characters by octal numbers of UTF-8."""
    return "".join(char if char.isascii() and char.isalnum() else _numbers(char) for char in text)


def _numbers(char: str) -> str:
    try:
        data = char.encode("utf-8", "surrogateescape")  # what is not UTF-8 in an argument or a file's name
    except UnicodeEncodeError:
        data = char.encode("utf-8", "surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in data)


def _columns(text: str) -> int:
    """An upper limit of its columns on a screen."""
    return sum(1 if char.isascii() else 2 for char in text)
