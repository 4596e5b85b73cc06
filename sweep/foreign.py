"""What comes from elsewhere, made harmless: files are read within limits, and no text commands a terminal."""

import re
import stat
from pathlib import Path
from typing import Any

MOST_BYTES = 8 * 2**20
"""Of a text that is read whole: tomllib takes three seconds for so much."""

_DEEPEST = 32

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, the ends of lines among them, those that turn the order of letters, and halves of characters."""

# Possessive: linear, whatever they meet. A string ends where tomllib ends it, so that no key is taken for one.
_STRING = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*+"{0,5}|"(?:[^"\\\n]|\\[^\n])*+"?|'''
    r"""'{3}(?:[^']|'(?!''))*+'{0,5}|'[^'\n]*+'?|#[^\n]*+""",
    re.DOTALL,
)
_DOTTED = re.compile(r"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){64}")


class TooMuchError(ValueError):
    """More of something than any file of ours has."""


def harmless(text: str, *, lines: bool = False) -> str:
    r"""The text with every control character written out, so that whatever shows it is not commanded by it.

    With `lines`, ends of lines and tabs stay.

    >>> harmless("red \x1b[31m\n"), harmless("two\nlines", lines=True)
    ('red \\x1b[31m\\n', 'two\nlines')
    """
    return _CONTROL.sub(lambda found: _written_out(found.group(), lines), text)


def harmless_throughout(data: Any, depth: int = 0) -> Any:
    """What JSON holds, with each of its texts harmless; TooMuchError if it is nested deeper than anything of ours."""
    if depth > _DEEPEST:
        raise TooMuchError(f"it is nested more than {_DEEPEST} deep")
    if isinstance(data, dict):
        return {harmless(str(key)): harmless_throughout(value, depth + 1) for key, value in data.items()}
    if isinstance(data, list):
        return [harmless_throughout(value, depth + 1) for value in data]
    return harmless(data) if isinstance(data, str) else data


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """A regular file of at most so many bytes; ValueError for anything else, so that no pipe is waited for."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is no regular file")
    if found.st_size > most:
        raise TooMuchError(f"it has {found.st_size:,} bytes; at most {most:,} are read")
    return path.read_bytes()


def refuse_long_keys(toml: str) -> None:
    """TooMuchError for a key of very many parts (a.a.a. ...): tomllib takes hours for a file of them."""
    if _DOTTED.search(_STRING.sub(lambda found: "" if found.group().startswith("#") else "s", toml)):
        raise TooMuchError("it has a key of more than 64 parts")


def _written_out(character: str, lines: bool) -> str:
    if lines and character in "\n\t":
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()
