"""Tasks: their sequences, the steps that can be known, and what needs no memory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.config import ExplicitTask, IncreasingTask
from sweep.tasks import Sequences, Task, build_task

UNEQUAL = (("C", "a", "C"), ("D", "a", "b", "b", "D"))
CONFLICTING = ((0, 1), (0, 2))


def explicit(*sequences: tuple[str | int, ...]) -> Task:
    return build_task(ExplicitTask(sequences=sequences))


def test_length_5_is_the_pair_of_sequences_of_the_tutorial() -> None:
    assert build_task(IncreasingTask()).training_sequences().symbols.tolist() == [[3, 0, 1, 2, 3], [4, 0, 1, 2, 4]]


def test_the_alphabet_of_the_tutorial_is_the_numbers_0_to_4() -> None:
    assert build_task(IncreasingTask()).alphabet == ("0", "1", "2", "3", "4")


def test_length_p_plus_1_is_experiment_2a_of_1997() -> None:
    p = 10
    sequences = build_task(IncreasingTask(sequence_length=p + 1)).training_sequences()
    assert sequences.symbols.tolist() == [[key, *range(p - 1), key] for key in (p - 1, p)]


def test_the_shortest_sequence_is_key_0_key() -> None:
    sequences = build_task(IncreasingTask(sequence_length=3, keys=3)).training_sequences()
    assert sequences.symbols.tolist() == [[1, 0, 1], [2, 0, 2], [3, 0, 3]]


def test_a_larger_alphabet_changes_chance_and_no_sequence() -> None:
    small, large = build_task(IncreasingTask()), build_task(IncreasingTask(alphabet_size=20))
    assert large.training_sequences().symbols.tolist() == small.training_sequences().symbols.tolist()
    assert (small.chance, large.chance) == (1 / 5, 1 / 20)


lengths, keys = st.integers(3, 30), st.integers(1, 10)


@given(lengths, keys)
def test_every_increasing_sequence_ends_as_it_began_and_counts_between(length: int, keys: int) -> None:
    symbols = build_task(IncreasingTask(sequence_length=length, keys=keys)).training_sequences().symbols
    assert symbols.shape == (keys, length)
    assert (symbols[:, 0] == symbols[:, -1]).all()
    assert (symbols[:, 1:-1] == np.arange(length - 2)).all()
    assert len(set(symbols[:, 0].tolist())) == keys


@given(lengths, keys)
def test_without_memory_one_key_in_all_is_recalled(length: int, keys: int) -> None:
    task = build_task(IncreasingTask(sequence_length=length, keys=keys))
    assert task.memoryless_ceiling(recall=True) == pytest.approx(1 / keys)


@given(lengths, keys)
def test_without_memory_the_increasing_task_is_missed_only_at_its_last_steps(length: int, keys: int) -> None:
    task = build_task(IncreasingTask(sequence_length=length, keys=keys))
    steps = length - 1
    assert task.memoryless_ceiling(recall=False) == pytest.approx((keys * (steps - 1) + 1) / (keys * steps))


def test_without_memory_the_tutorial_is_half_recalled_and_seven_of_eight_steps_are_right() -> None:
    task = build_task(IncreasingTask())
    assert (task.memoryless_ceiling(recall=True), task.memoryless_ceiling(recall=False)) == (0.5, 7 / 8)


def test_every_step_of_an_increasing_sequence_is_determined_and_scored() -> None:
    task = build_task(IncreasingTask(sequence_length=4, keys=3))
    sequences = task.test_sequences()
    assert task.determined(sequences).tolist() == [[True] * 3] * 3
    assert task.scored(sequences).tolist() == [[True] * 3] * 3


def test_symbols_are_numbered_in_the_order_in_which_they_appear() -> None:
    task = explicit(("C", "a", "C"), ("D", "a", "D"))
    assert task.alphabet == ("C", "a", "D")
    assert task.training_sequences().symbols.tolist() == [[0, 1, 0], [2, 1, 2]]


def test_a_number_and_its_text_are_one_symbol() -> None:
    assert explicit((1, 2), ("2", "1")).alphabet == ("1", "2")


@given(st.lists(st.lists(st.sampled_from("abcdé0"), min_size=2, max_size=6), min_size=1, max_size=5))
def test_the_alphabet_gives_back_the_sequences_that_were_written_down(rows: list[list[str]]) -> None:
    task = explicit(("a", "b"), *map(tuple, rows))
    sequences = task.training_sequences()
    written = [
        [task.alphabet[symbol] for symbol in symbols[:length]]
        for symbols, length in zip(sequences.symbols, sequences.lengths, strict=True)
    ]
    assert written == [["a", "b"], *rows]


def test_padding_is_no_step() -> None:
    sequences = explicit(*UNEQUAL).training_sequences()
    assert sequences.lengths.tolist() == [3, 5]
    assert sequences.steps.tolist() == [[True, True, False, False], [True, True, True, True]]


def test_the_last_step_of_a_short_sequence_lies_before_its_padding() -> None:
    sequences = explicit(*UNEQUAL).training_sequences()
    assert sequences.last.tolist() == [[False, True, False, False], [False, False, False, True]]


def test_padding_is_never_scored() -> None:
    task = explicit(*UNEQUAL)
    sequences = task.test_sequences()
    assert not (task.scored(sequences) & ~sequences.steps).any()
    assert task.scored(sequences).sum() == 6


def test_padding_is_left_out_of_the_memoryless_ceiling() -> None:
    # Steps: C-a a-C | D-a a-b b-b b-D. Of a's two successors and of b's two, one each can be had: 4 of 6.
    task = explicit(*UNEQUAL)
    assert task.memoryless_ceiling(recall=False) == 4 / 6
    # The final steps a-C and b-D start from different symbols, so no memory is needed for them.
    assert task.memoryless_ceiling(recall=True) == 1.0


def test_where_sequences_part_without_a_reason_nothing_is_determined() -> None:
    task = explicit(*CONFLICTING)
    assert task.determined(task.test_sequences()).tolist() == [[False], [False]]


def test_a_last_step_that_nothing_determines_is_scored_all_the_same() -> None:
    task = explicit((0, 1, 1), (0, 2, 0), (0, 2, 1))
    assert task.determined(task.test_sequences()).tolist() == [[False, True], [False, False], [False, False]]
    assert task.scored(task.test_sequences()).tolist() == [[False, True]] * 3


def test_a_task_without_an_answer_has_a_ceiling_of_a_half() -> None:
    task = explicit(*CONFLICTING)
    assert task.memoryless_ceiling(recall=True) == 0.5
    assert task.memoryless_ceiling(recall=False) == 0.5


def test_a_sequence_that_ends_where_another_goes_on_determines_nothing_less() -> None:
    task = explicit(("a", "b"), ("a", "b", "c"))
    assert task.determined(task.test_sequences()).tolist() == [[True, False], [True, True]]


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=5), min_size=1, max_size=6))
def test_a_perfect_memory_errs_only_at_last_steps_that_nothing_determines(rows: list[list[str]]) -> None:
    task = explicit(("a", "b"), *map(tuple, rows))
    test = task.test_sequences()
    following: dict[tuple[int, ...], set[int]] = {}
    for row, length in zip(test.symbols.tolist(), test.lengths, strict=True):
        for step in range(1, length):
            following.setdefault(tuple(row[:step]), set()).add(row[step])
    for index, (row, length) in enumerate(zip(test.symbols.tolist(), test.lengths, strict=True)):
        for step in range(1, length):
            known = len(following[tuple(row[:step])]) == 1
            assert task.determined(test)[index, step - 1] == known
            assert task.scored(test)[index, step - 1] == (known or step == length - 1)


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=5), min_size=1, max_size=6))
def test_the_ceiling_is_the_best_score_of_all_tables_from_symbol_to_symbol(rows: list[list[str]]) -> None:
    task = explicit(("a", "b"), *map(tuple, rows))
    test = task.test_sequences()
    scored = task.scored(test)
    current, target = test.symbols[:, :-1][scored], test.symbols[:, 1:][scored]
    tables = np.stack(np.meshgrid(*[range(task.num_symbols)] * task.num_symbols), -1).reshape(-1, task.num_symbols)
    best = (tables[:, current] == target).mean(axis=1).max()
    assert task.memoryless_ceiling(recall=False) == pytest.approx(best)


def test_a_step_shows_one_symbol_and_asks_for_the_next() -> None:
    sequences = Sequences(symbols=np.array([[3, 0, 1, 3]], np.int32), lengths=np.array([4], np.int32))
    assert (sequences.num_sequences, sequences.num_steps) == (1, 3)
