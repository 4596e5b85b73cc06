"""How sequences lie in the lanes of a batch, and what a lane is shown at each of its steps.

The usual way is one sequence in one lane, a symbol a step. Two options change it: with `lags` a recurrent
network reads a sliding window of symbols for each prediction, and `batch_layout = "steps"` deals the steps
of one sequence out to all lanes. Both trainers train and test on the rows that are made here.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.experiment.cells import CELLS
from sweep.experiment.configuration import Configuration
from sweep.tasks.task import Sequences, Task


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What lanes are shown and asked: n rows of L steps; `num_features` stands for "nothing" in `shown`."""

    shown: NDArray[np.int32]  # (n, L, F): which of the input's features are 1
    asked: NDArray[np.int32]  # (n, L): the symbol that should come next
    lengths: NDArray[np.int32]  # (n,): the steps that exist

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return len(self.shown)


class Layout:
    """The arrangement that a configuration asks for.

    `window` is the steps of a row that are one update, `rows_per_sequence` the lanes that a sequence takes.
    """

    def __init__(self, configuration: Configuration, task: Task) -> None:
        model, training = configuration.model, configuration.training
        self.side_by_side = CELLS[model.cell].side_by_side(training.lags)
        self.num_features = task.num_symbols * self.side_by_side
        self.lags = training.lags // self.side_by_side
        self.rows_per_sequence = training.batch_size if training.batch_layout == "steps" else 1
        self.num_steps = self.row_steps(task.num_steps)
        self.window = self.num_steps if training.timesteps == "full" else training.timesteps * self.lags
        self._num_symbols = task.num_symbols

    def row_steps(self, steps: int) -> int:
        """Steps of a row that holds (its part of) a sequence of `steps` steps."""
        return steps * self.lags // self.rows_per_sequence

    def rows(self, sequences: Sequences) -> Rows:
        """The sequences as rows, those of one sequence next to each other."""
        lengths = (sequences.lengths - 1) * self.lags // self.rows_per_sequence
        return Rows(
            shown=np.ascontiguousarray(self._dealt(self._shown(sequences))),
            asked=np.ascontiguousarray(self.laid(sequences.symbols[:, 1:])),
            lengths=np.repeat(lengths, self.rows_per_sequence).astype(np.int32),
        )

    def shown_last(self, symbols: list[int]) -> NDArray[np.int32]:
        """(lags, F): what a row shows for the latest of `symbols`, after which the next one is predicted."""
        prefix = Sequences(symbols=np.array([[*symbols, 0]], np.int32), lengths=np.array([len(symbols) + 1], np.int32))
        return self._shown(prefix)[0, -self.lags :]

    def laid(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the sequences' steps (n, T) at the steps of the rows; 0 where a step predicts nothing."""
        if self.lags > 1:
            wide = np.zeros((*values.shape, self.lags), values.dtype)
            wide[..., -1] = values
            values = wide.reshape(len(values), -1)
        return self._dealt(values)

    def collected(self, values: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `laid`: values of the rows' steps (n, L, ...) as those of the sequences' steps."""
        lanes, steps, further = self.rows_per_sequence, values.shape[1], values.shape[2:]
        together = values.reshape(-1, lanes, steps, *further).swapaxes(1, 2).reshape(-1, lanes * steps, *further)
        return together[:, self.lags - 1 :: self.lags]

    def _shown(self, sequences: Sequences) -> NDArray[np.int32]:
        """(n, steps, F): the features shown, before the steps are dealt out to lanes."""
        symbols = sequences.symbols
        window = max(self.lags, self.side_by_side)
        before = np.pad(symbols[:, :-1], ((0, 0), (window - 1, 0)), constant_values=-1)
        shown = np.lib.stride_tricks.sliding_window_view(before, window, axis=1)  # (n, T, window), oldest first
        if self.side_by_side > 1:
            shown = shown + np.where(shown < 0, 0, np.arange(window, dtype=np.int32) * self._num_symbols)
        shown = np.where(shown < 0, self.num_features, shown).astype(np.int32)
        return shown.reshape(len(symbols), -1, 1) if self.lags > 1 else shown

    def _dealt(self, values: NDArray[Any]) -> NDArray[Any]:
        lanes = self.rows_per_sequence
        if lanes == 1:
            return values
        dealt = values.reshape(len(values), -1, lanes, *values.shape[2:]).swapaxes(1, 2)
        return dealt.reshape(-1, *dealt.shape[2:])
