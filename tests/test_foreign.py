"""What comes from elsewhere is read within limits of time."""

import contextlib
import time
import tomllib

import pytest

from sweep.foreign import TooMuchError, refuse_long_keys

PARTS = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "a." * PARTS + "a = 1",
        '"a\\u002e" . ' * PARTS + "a = 1",
        "[" + "'a b' . " * PARTS + "a]",
        "x = '''it''s''''\n" + "a." * PARTS + "a = 1",
        'x = ["""a"""", { ' + "k." * PARTS + 'k = 1 }, ""]',
        "# it's\n" + "a." * PARTS + "a = 1 # it's",
        'x = "\\"" # "\n' + "a." * PARTS + "a = 1",
    ],
)
def test_a_key_of_very_many_parts_is_refused_at_once(text: str) -> None:
    started = time.process_time()
    with pytest.raises(TooMuchError, match="a key of more than 64 parts"):
        refuse_long_keys(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "text",
    [
        'question = "' + "a." * PARTS + '"',
        "question = '" + "a. " * PARTS + "'",
        'question = """\n' + "a.\n" * PARTS + '"""',
        "# " + "a." * PARTS + "\nquestion = 1",
        'a."b c".d = [1.5, 2.5]\n' * 1,
    ],
)
def test_what_is_no_key_may_have_as_many_dots(text: str) -> None:
    tomllib.loads(text)
    refuse_long_keys(text)


@pytest.mark.parametrize("piece", ['"', "'", '"""', "'''", '\\"', "#", '"a', "a."])
def test_looking_for_such_keys_takes_no_time_whatever_there_is(piece: str) -> None:
    started = time.process_time()
    with contextlib.suppress(TooMuchError):
        refuse_long_keys(piece * 500_000)
    assert time.process_time() - started < 5
