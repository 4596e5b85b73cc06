"""Tables in the terminal: as wide as it is, with every number and every word in one piece."""

import re
from collections.abc import Sequence

import pytest
from rich.console import Console

from sweep.cli.table import Cells, fit

HEAD = ["trial", "learning_rate", "gate_bias", "seeds", "solve rate (95%)", "loss", "memoryless ceiling"]
ROWS = [
    [str(trial), f"0.0{trial}2345", "unit_forget", "1000", f"{trial}0% (12–{trial}9%)", f"0.{trial}0831", "50%"]  # noqa: RUF001
    for trial in range(1, 8)
]


def printed(width: int, head: Sequence[str] = HEAD, rows: Sequence[Sequence[str]] = ROWS, **options: object) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        for part in fit(Cells(head, rows), width, **options).parts:  # type: ignore[arg-type]
            console.print(part)
    return capture.get()


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\s─,;]+", text))


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 120, 200])
def test_no_table_is_wider_than_the_terminal_or_breaks_a_number_or_a_word(width: int) -> None:
    text = printed(width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    wanted = words(" ".join([*HEAD, *(cell for row in ROWS for cell in row)]))
    assert wanted <= words(text)
    assert words(text) - wanted <= {"In", "every", "row:"}


def test_where_there_is_room_every_row_is_a_line() -> None:
    assert len(printed(200).strip().splitlines()) == 2 + len(ROWS)


def test_what_is_the_same_in_every_row_goes_into_a_line_above_first() -> None:
    caption, _, table = printed(72).partition("\ntrial")
    assert caption.rstrip() == "In every row: gate_bias unit_forget; seeds 1000; memoryless ceiling 50%"
    assert "seeds" not in table


def test_of_a_single_row_nothing_goes_above() -> None:
    assert "every row" not in printed(60, rows=ROWS[:1])


def test_then_columns_leave_in_their_order_only_if_the_rest_fits() -> None:
    assert fit(Cells(HEAD, ROWS), 40, ["loss", "trial"]).left_out == ["loss"]
    assert fit(Cells(HEAD, ROWS), 30, ["loss"]).left_out == []  # the rest is too wide: all of it is shown, turned


def test_a_table_that_is_still_too_wide_is_turned_with_as_many_rows_beside_each_other_as_fit() -> None:
    head = [f"score_{number}" for number in range(8)]
    rows = [[f"{trial}{number}% (69-100%)" for number in range(8)] for trial in range(5)]
    blocks = printed(40, head, rows).split("\n\n")
    assert [len(block.strip().splitlines()) for block in blocks] == [8, 8, 8]
    assert blocks[0].splitlines()[0].split() == ["score_0", "00%", "(69-100%)", "10%", "(69-100%)"]


def test_a_sentence_goes_on_in_the_next_line_between_two_words() -> None:
    question = "Which small changes make the tutorial's LSTM remember every time?"
    text = printed(50, ["experiment", "question"], [["tuning", question], ["other", question[::-1]]])
    assert words(question) <= words(text)
    assert len(text.strip().splitlines()) > 4


def test_a_word_longer_than_the_terminal_is_the_only_one_that_is_folded() -> None:
    assert printed(20, ["name"], [["x" * 50]]).replace("\n", "").replace(" ", "").count("x") == 50


def test_a_table_without_rows_has_its_headings() -> None:
    assert words(printed(40, rows=[])) == words(" ".join(HEAD))
