"""Tasks: their sequences, the steps that can be known, and what needs no memory."""

import time
import timeit
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy import stats

from sweep.tasks.explicit import ExplicitTask
from sweep.tasks.increasing import Increasing, IncreasingTask
from sweep.tasks.marked import MarkedTask
from sweep.tasks.random import RandomTask
from sweep.tasks.registry import build_task
from sweep.tasks.task import Sequences, Task

UNEQUAL = (("C", "a", "C"), ("D", "a", "b", "b", "D"))
CONFLICTING = ((0, 1), (0, 2))


def explicit(*sequences: tuple[str | int, ...]) -> Task:
    return build_task(ExplicitTask(sequences=sequences))


def test_length_5_is_the_pair_of_sequences_of_the_tutorial() -> None:
    assert build_task(IncreasingTask()).training_sequences(0, 1).symbols.tolist() == [[3, 0, 1, 2, 3], [4, 0, 1, 2, 4]]


def test_the_alphabet_of_the_tutorial_is_the_numbers_0_to_4() -> None:
    assert build_task(IncreasingTask()).alphabet == ("0", "1", "2", "3", "4")


def test_length_p_plus_1_is_experiment_2a_of_1997() -> None:
    p = 10
    sequences = build_task(IncreasingTask(sequence_length=p + 1)).training_sequences(0, 1)
    assert sequences.symbols.tolist() == [[key, *range(p - 1), key] for key in (p - 1, p)]


def test_the_shortest_sequence_is_key_0_key() -> None:
    sequences = build_task(IncreasingTask(sequence_length=3, keys=3)).training_sequences(0, 1)
    assert sequences.symbols.tolist() == [[1, 0, 1], [2, 0, 2], [3, 0, 3]]


def test_a_larger_alphabet_changes_chance_and_no_sequence() -> None:
    small, large = build_task(IncreasingTask()), build_task(IncreasingTask(alphabet_size=20))
    assert large.training_sequences(0, 1).symbols.tolist() == small.training_sequences(0, 1).symbols.tolist()
    assert (small.chance, large.chance) == (1 / 5, 1 / 20)


lengths, keys = st.integers(3, 30), st.integers(1, 10)


@given(lengths, keys)
def test_every_increasing_sequence_ends_as_it_began_and_counts_between(length: int, keys: int) -> None:
    symbols = build_task(IncreasingTask(sequence_length=length, keys=keys)).training_sequences(0, 1).symbols
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
    sequences = task.test_sequences(0)
    assert task.determined(sequences).tolist() == [[True] * 3] * 3
    assert task.scored(sequences).tolist() == [[True] * 3] * 3


def test_symbols_are_numbered_in_the_order_in_which_they_appear() -> None:
    task = explicit(("C", "a", "C"), ("D", "a", "D"))
    assert task.alphabet == ("C", "a", "D")
    assert task.training_sequences(0, 1).symbols.tolist() == [[0, 1, 0], [2, 1, 2]]


def test_a_number_and_its_text_are_one_symbol() -> None:
    assert explicit((1, 2), ("2", "1")).alphabet == ("1", "2")


@given(st.lists(st.lists(st.sampled_from("abcdé0"), min_size=2, max_size=6), min_size=1, max_size=5))
def test_the_alphabet_gives_back_the_sequences_that_were_written_down(rows: list[list[str]]) -> None:
    task = explicit(("a", "b"), *map(tuple, rows))
    sequences = task.training_sequences(0, 1)
    written = [
        [task.alphabet[symbol] for symbol in symbols[:length]]
        for symbols, length in zip(sequences.symbols, sequences.lengths, strict=True)
    ]
    assert written == [["a", "b"], *rows]


def test_padding_is_no_step() -> None:
    sequences = explicit(*UNEQUAL).training_sequences(0, 1)
    assert sequences.lengths.tolist() == [3, 5]
    assert sequences.steps.tolist() == [[True, True, False, False], [True, True, True, True]]


def test_the_last_step_of_a_short_sequence_lies_before_its_padding() -> None:
    sequences = explicit(*UNEQUAL).training_sequences(0, 1)
    assert sequences.last.tolist() == [[False, True, False, False], [False, False, False, True]]


def test_padding_is_never_scored() -> None:
    task = explicit(*UNEQUAL)
    sequences = task.test_sequences(0)
    assert not (task.scored(sequences) & ~sequences.steps).any()
    assert task.scored(sequences).sum() == 6


def test_padding_is_left_out_of_the_memoryless_ceiling() -> None:
    # Steps: C-a a-C | D-a a-b b-b b-D. Of a's two successors and of b's two, one each can be had: 4 of 6.
    task = explicit(*UNEQUAL)
    assert task.memoryless_ceiling(recall=False) == 4 / 6
    # The final steps a-C and b-D start from different symbols, so no memory is needed for them.
    assert task.memoryless_ceiling(recall=True) == 1.0


def test_the_ceiling_of_a_very_large_task_is_counted_and_not_drawn_up() -> None:
    task = Increasing(IncreasingTask(sequence_length=50_000, keys=50_000))
    assert task.memoryless_ceiling(recall=True) == 1 / 50_000
    assert "_sequences" not in vars(task)


def test_where_sequences_part_without_a_reason_nothing_is_determined() -> None:
    task = explicit(*CONFLICTING)
    assert task.determined(task.test_sequences(0)).tolist() == [[False], [False]]


def test_a_last_step_that_nothing_determines_is_scored_all_the_same() -> None:
    task = explicit((0, 1, 1), (0, 2, 0), (0, 2, 1))
    assert task.determined(task.test_sequences(0)).tolist() == [[False, True], [False, False], [False, False]]
    assert task.scored(task.test_sequences(0)).tolist() == [[False, True]] * 3


def test_a_task_without_an_answer_has_a_ceiling_of_a_half() -> None:
    task = explicit(*CONFLICTING)
    assert task.memoryless_ceiling(recall=True) == 0.5
    assert task.memoryless_ceiling(recall=False) == 0.5


def test_a_sequence_that_ends_where_another_goes_on_determines_nothing_less() -> None:
    task = explicit(("a", "b"), ("a", "b", "c"))
    assert task.determined(task.test_sequences(0)).tolist() == [[True, False], [True, True]]


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=2, max_size=5), min_size=1, max_size=6))
def test_a_perfect_memory_errs_only_at_last_steps_that_nothing_determines(rows: list[list[str]]) -> None:
    task = explicit(("a", "b"), *map(tuple, rows))
    test = task.test_sequences(0)
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
    test = task.test_sequences(0)
    scored = task.scored(test)
    current, target = test.symbols[:, :-1][scored], test.symbols[:, 1:][scored]
    tables = np.stack(np.meshgrid(*[range(task.num_symbols)] * task.num_symbols), -1).reshape(-1, task.num_symbols)
    best = (tables[:, current] == target).mean(axis=1).max()
    assert task.memoryless_ceiling(recall=False) == pytest.approx(best)


def test_a_step_shows_one_symbol_and_asks_for_the_next() -> None:
    sequences = Sequences(symbols=np.array([[3, 0, 1, 3]], np.int32), lengths=np.array([4], np.int32))
    assert (sequences.num_sequences, sequences.num_steps) == (1, 3)


# Random sequences: those of a fixed length, and those that end after a marker

MANY = 20_000

STREAMS = [
    RandomTask(sequence_length=12, alphabet_size=6, test_sequences=50),
    RandomTask(sequence_length=12, alphabet_size=6, test_sequences=50, train_sequences=80),
    MarkedTask(lag=3, distractors=5, test_sequences=50),
]
TINY = [
    RandomTask(sequence_length=3, alphabet_size=4, keys=2, test_sequences=3, sequences_per_epoch=20),
    RandomTask(sequence_length=3, alphabet_size=4, keys=2, test_sequences=2, train_sequences=2),
    RandomTask(sequence_length=40, alphabet_size=3, keys=2, test_sequences=1, sequences_per_epoch=20),
    MarkedTask(lag=1, distractors=2, test_sequences=200, sequences_per_epoch=200),
]

streams = pytest.mark.parametrize("config", STREAMS, ids=["fresh", "fixed", "marked"])


def rows(sequences: Sequences) -> list[tuple[int, ...]]:
    """The sequences without their padding."""
    return [
        tuple(row[:length]) for row, length in zip(sequences.symbols.tolist(), sequences.lengths.tolist(), strict=True)
    ]


def many_random(**parameters: int) -> Sequences:
    return build_task(RandomTask(sequences_per_epoch=MANY, **parameters)).training_sequences(0, 1)


def many_marked(lag: int = 3, distractors: int = 50) -> Sequences:
    task = MarkedTask(lag=lag, distractors=distractors, sequences_per_epoch=MANY)
    return build_task(task).training_sequences(0, 1)


def assert_uniform(symbols: NDArray[np.int32], low: int, high: int) -> None:
    """All of low..high-1 occur, nothing else does, and a chi-square test sees no preference."""
    assert (symbols.min(), symbols.max()) == (low, high - 1)
    assert stats.chisquare(np.bincount(symbols - low, minlength=high - low)).pvalue > 0.001


def test_a_random_sequence_is_a_key_fillers_and_the_key() -> None:
    symbols = many_random(sequence_length=9, alphabet_size=10, keys=3).symbols
    assert symbols.shape == (MANY, 9)
    assert symbols.dtype == np.int32
    assert (symbols[:, 0] == symbols[:, -1]).all()
    assert (symbols[:, 0] >= 7).all()
    assert (symbols[:, 1:-1] < 7).all()


def test_keys_and_fillers_of_random_sequences_are_uniform() -> None:
    symbols = many_random(sequence_length=9, alphabet_size=10, keys=3).symbols
    assert_uniform(symbols[:, 0], 7, 10)
    for step in range(1, 8):
        assert_uniform(symbols[:, step], 0, 7)


def test_a_filler_says_nothing_about_its_key_or_its_neighbour() -> None:
    symbols = many_random(sequence_length=12, alphabet_size=6, keys=2).symbols
    for one, other in ((0, 1), (0, 10), (1, 2)):
        table = np.zeros((6, 6), int)
        np.add.at(table, (symbols[:, one], symbols[:, other]), 1)
        seen = table[table.any(axis=1)][:, table.any(axis=0)]
        assert stats.chi2_contingency(seen).pvalue > 0.001


def test_the_alphabet_of_random_sequences_is_numbers_with_the_keys_on_top() -> None:
    task = build_task(RandomTask(sequence_length=4, alphabet_size=12, keys=2))
    assert task.alphabet == tuple(map(str, range(12)))
    assert (task.num_steps, task.expected_length, task.chance) == (3, 4.0, 1 / 12)


def test_length_p_plus_1_over_p_plus_1_symbols_is_experiment_2b_of_1997() -> None:
    p = 100
    task = build_task(RandomTask(sequence_length=p + 1, alphabet_size=p + 1))
    sequences = task.training_sequences(0, 1)
    assert (task.num_symbols, sequences.num_steps) == (p + 1, p)
    assert set(sequences.symbols[:, 0].tolist()) == {p - 1, p}


def test_a_marked_sequence_is_b_key_distractors_e_and_the_key() -> None:
    lag, distractors = 3, 50
    task = build_task(MarkedTask(lag=lag, distractors=distractors))
    for row in rows(many_marked(lag, distractors)):
        begin, key, *middle, end, last = (task.alphabet[symbol] for symbol in row)
        assert (begin, end, last) == ("b", "e", key)
        assert key in ("x", "y")
        assert len(middle) >= lag
        assert all(symbol.startswith("a") for symbol in middle)


def test_the_alphabet_of_marked_sequences_is_the_distractors_and_four_markers() -> None:
    assert build_task(MarkedTask(lag=1, distractors=3)).alphabet == ("a1", "a2", "a3", "e", "b", "x", "y")


def test_keys_and_distractors_of_marked_sequences_are_uniform() -> None:
    sequences = many_marked(lag=3, distractors=50)
    assert_uniform(sequences.symbols[:, 1], 52, 54)
    for step in range(2, 5):
        assert_uniform(sequences.symbols[:, step], 0, 50)
    assert_uniform(np.concatenate([row[2:-2] for row in rows(sequences)]), 0, 50)


def test_distractors_beyond_the_lag_are_geometric() -> None:
    extra = many_marked(lag=3).lengths - 3 - 4
    cells = 40
    observed = np.bincount(np.minimum(extra, cells), minlength=cells + 1)
    probabilities = np.append(0.1 * 0.9 ** np.arange(cells), 0.9**cells)
    assert stats.chisquare(observed, probabilities * MANY).pvalue > 0.001


@pytest.mark.parametrize("lag", [1, 50, 1000])
def test_the_expected_length_of_marked_sequences_is_the_lag_and_13(lag: int) -> None:
    # The paper prints q + 14; the sum it gives comes to q + 13. The variance of the geometric part is 90.
    assert build_task(MarkedTask(lag=lag)).expected_length == pytest.approx(lag + 13)
    standard_error = (90 / 5000) ** 0.5
    sample = build_task(MarkedTask(lag=lag, sequences_per_epoch=5000)).training_sequences(0, 1)
    assert abs(sample.lengths.mean() - (lag + 13)) < 5 * standard_error


def test_all_sets_of_marked_sequences_have_one_width_and_are_padded_with_zeros() -> None:
    task = build_task(MarkedTask(lag=3, distractors=5, criterion_sequences=10))
    for sequences in (task.training_sequences(0, 1), task.test_sequences(0), next(task.criterion_parts(0))):
        assert sequences.num_steps == task.num_steps == 3 + 303
        assert not sequences.symbols[np.arange(3 + 304) >= sequences.lengths[:, None]].any()


@pytest.mark.parametrize("config", [*STREAMS, *TINY])
def test_no_test_sequence_occurs_in_training(config: RandomTask | MarkedTask) -> None:
    task = build_task(config)
    for seed in range(3):
        held_out = rows(task.test_sequences(seed))
        assert len(held_out) == len(set(held_out)) == config.test_sequences
        for epoch in range(1, 30):
            shown = rows(task.training_sequences(seed, epoch))
            assert len(shown) == task.num_sequences
            assert not set(shown) & set(held_out)


def test_where_four_sequences_exist_training_and_test_share_them_out() -> None:
    task = build_task(TINY[1])
    for seed in range(20):
        shown, held_out = rows(task.training_sequences(seed, 1)), rows(task.test_sequences(seed))
        assert {*shown, *held_out} == {(2, 0, 2), (2, 1, 2), (3, 0, 3), (3, 1, 3)}


def test_a_fixed_training_set_is_all_different_and_the_same_in_every_epoch() -> None:
    task = build_task(STREAMS[1])
    first = rows(task.training_sequences(0, 1))
    assert len(set(first)) == len(first) == task.num_sequences == 80
    assert rows(task.training_sequences(0, 7)) == first
    assert not task.fresh


@pytest.mark.parametrize("config", [STREAMS[0], STREAMS[2]])
def test_fresh_sequences_are_new_in_every_epoch(config: RandomTask | MarkedTask) -> None:
    task = build_task(config)
    assert task.fresh
    assert rows(task.training_sequences(0, 1)) != rows(task.training_sequences(0, 2))


@streams
def test_the_same_seed_draws_the_same_bytes_in_any_order(config: RandomTask | MarkedTask) -> None:
    one, other = build_task(config), build_task(config)
    training, test = one.training_sequences(5, 3), one.test_sequences(5)
    other.test_sequences(5)
    other.training_sequences(4, 3)
    for drawn, again in ((training, other.training_sequences(5, 3)), (test, other.test_sequences(5))):
        assert drawn.symbols.tobytes() == again.symbols.tobytes()
        assert drawn.lengths.tobytes() == again.lengths.tobytes()


@streams
def test_seeds_and_purposes_have_streams_of_their_own(config: RandomTask | MarkedTask) -> None:
    task = build_task(config.model_copy(update={"criterion_sequences": 1000}))
    drawn = [
        sequences
        for seed in (0, 1)
        for sequences in (task.training_sequences(seed, 1), task.test_sequences(seed), *task.criterion_parts(seed))
    ]
    beginnings = {tuple(rows(sequences)[:20]) for sequences in drawn}
    assert len(beginnings) == len(drawn) == 8


@pytest.mark.parametrize(
    ("asked", "parts"), [(None, []), (1, [1]), (500, [500]), (501, [500, 1]), (1700, [500, 500, 500, 200])]
)
def test_the_criterion_comes_in_parts_that_sum_to_its_number(asked: int | None, parts: list[int]) -> None:
    for config in (
        RandomTask(criterion_sequences=asked),
        MarkedTask(lag=2, distractors=5, criterion_sequences=asked),
    ):
        assert [part.num_sequences for part in build_task(config).criterion_parts(0)] == parts


def test_the_criterion_of_marked_is_that_of_1997() -> None:
    task = build_task(MarkedTask())
    assert (task.max_error, task.criterion_sequences) == (0.2, 10_000)


def test_other_lengths_are_tested_with_as_many_sequences_each() -> None:
    config = RandomTask(sequence_length=10, alphabet_size=6, test_sequences=30, test_lengths=(20, 3, 50))
    other = build_task(config).other_lengths(0)
    assert other is not None
    assert other.lengths.tolist() == [20] * 30 + [3] * 30 + [50] * 30
    assert other.symbols.shape == (90, 50)
    assert not other.symbols[np.arange(50) >= other.lengths[:, None]].any()
    assert all(row[0] == row[-1] >= 4 and max(row[1:-1]) < 4 for row in rows(other))


def test_its_own_length_among_the_others_is_the_held_out_test_set() -> None:
    task = build_task(RandomTask(sequence_length=4, alphabet_size=6, test_sequences=20, test_lengths=(6, 4)))
    other = task.other_lengths(3)
    assert other is not None
    assert rows(other)[20:] == rows(task.test_sequences(3))


@pytest.mark.parametrize("config", [RandomTask(), MarkedTask(), IncreasingTask()])
def test_without_test_lengths_no_other_length_is_tested(
    config: RandomTask | MarkedTask | IncreasingTask,
) -> None:
    assert build_task(config).other_lengths(0) is None


@streams
def test_only_the_last_step_of_a_random_sequence_is_determined(config: RandomTask | MarkedTask) -> None:
    task = build_task(config)
    test = task.test_sequences(0)
    assert (task.determined(test) == test.last).all()
    assert (task.scored(test) == test.last).all()
    assert (test.last.sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    "config",
    [
        RandomTask(sequence_length=12, alphabet_size=6, keys=2, test_sequences=MANY),
        RandomTask(sequence_length=12, alphabet_size=8, keys=5, test_sequences=MANY),
        MarkedTask(lag=10, distractors=10, test_sequences=MANY),
    ],
)
@pytest.mark.parametrize("recall", [True, False])
def test_the_ceiling_is_what_the_best_memoryless_predictor_reaches(
    config: RandomTask | MarkedTask, recall: bool
) -> None:
    task = build_task(config)
    counted = Task.memoryless_ceiling(task, recall=recall)
    assert abs(counted - task.memoryless_ceiling(recall=recall)) < 5 * 0.5 / MANY**0.5


def test_a_network_that_recalls_random_sequences_has_not_learnt_them_by_heart() -> None:
    assert build_task(IncreasingTask()).tested_on_training_sequences
    assert not any(build_task(config).tested_on_training_sequences for config in STREAMS)
    assert not any(build_task(config).same_for_all_seeds for config in STREAMS)


def test_long_sequences_over_a_large_alphabet_are_drawn_in_no_time() -> None:
    task = build_task(RandomTask(sequence_length=10_000, alphabet_size=1000, sequences_per_epoch=100))
    task.test_sequences(0)
    seconds = min(timeit.repeat(lambda: task.training_sequences(0, 1), number=1, repeat=3))
    assert seconds < 0.2


@pytest.mark.parametrize(("p", "weights"), [(50, 364), (100, 664), (200, 1264), (500, 3064), (1000, 6064)])
def test_the_alphabet_of_2c_has_the_weights_printed_in_1997(p: int, weights: int) -> None:
    # Two cells, each with an input and an output gate: 6 units that see all inputs and all 6 units. The two
    # outputs see the two cells. No biases.
    num_symbols = build_task(MarkedTask(lag=50, distractors=p)).num_symbols
    assert 6 * (num_symbols + 6) + 2 * 2 == weights


@pytest.mark.parametrize(("p", "weights"), [(4, 36), (10, 144), (100, 10_404)])
def test_the_alphabet_of_2a_has_the_weights_of_rtrl_printed_in_1997(p: int, weights: int) -> None:
    num_symbols = build_task(IncreasingTask(sequence_length=p + 1)).num_symbols
    assert (num_symbols + 1) ** 2 == weights


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sequence_length": 3, "alphabet_size": 4, "test_sequences": 4}, "only 4 different sequences exist"),
        (
            {"sequence_length": 3, "alphabet_size": 4, "test_sequences": 2, "train_sequences": 3},
            "at most 1 can be held out",
        ),
        ({"alphabet_size": 2, "keys": 2}, "it must be at least 3"),
        ({"train_sequences": 5, "sequences_per_epoch": 5}, "sequences_per_epoch is for fresh sequences"),
        ({"train_sequences": 0}, "train_sequences is 0"),
        ({"test_lengths": (5, 5)}, "test_lengths holds a length twice"),
    ],
)
def test_random_sequences_that_cannot_be_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RandomTask(**parameters)


@pytest.mark.parametrize(
    "config",
    [
        IncreasingTask(sequence_length=50_000, keys=50_000),
        ExplicitTask(sequences=(tuple(range(100_000)), *[("a", "b")] * 10_000)),
    ],
)
def test_a_task_is_counted_without_its_sequences(config: IncreasingTask | ExplicitTask) -> None:
    tracemalloc.start()
    assert build_task(config).num_steps > 49_000
    assert tracemalloc.get_traced_memory()[1] < 50e6  # 10 GB and 4 GB, once they are drawn up
    tracemalloc.stop()


def test_what_a_long_sequence_determines_takes_no_more_than_a_table_of_its_beginnings() -> None:
    task = explicit(tuple(range(20_000)))
    before = time.process_time()
    assert task.determined(task.test_sequences(0)).all()
    assert time.process_time() - before < 1
