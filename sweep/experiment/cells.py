"""The cells that a network may have, a row each: whoever asks what holds of a cell reads it here."""

from dataclasses import dataclass
from typing import Literal

CellName = Literal["lstm", "gru", "simple_rnn", "mlp"]
"""As an experiment file names them."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a cell has, in Keras's order: `blocks` of units in its kernel, and what it carries from step to step."""

    blocks: tuple[str, ...]
    """The candidate, and the gates around it."""
    states: int
    """Vectors of units that are carried on; the first is the output."""
    biases: int = 1
    """Of each block: more than one where the input and the state have their own."""

    @property
    def gates(self) -> tuple[str, ...]:
        """What a gate bias can open or close."""
        return tuple(block for block in self.blocks if block != "candidate")

    @property
    def recurrent(self) -> bool:
        """Whether it remembers: otherwise it must be shown at once whatever it is to answer from."""
        return self.states > 0

    def side_by_side(self, lags: int) -> int:
        """How many symbols it is shown at a step, to answer from the last `lags` of them.

        >>> CELLS["lstm"].side_by_side(3), CELLS["mlp"].side_by_side(3)
        (1, 3)
        """
        return 1 if self.recurrent else lags


CELLS: dict[CellName, Cell] = {
    "lstm": Cell(blocks=("input", "forget", "candidate", "output"), states=2),
    "gru": Cell(blocks=("update", "reset", "candidate"), states=1, biases=2),
    "simple_rnn": Cell(blocks=("candidate",), states=1),
    "mlp": Cell(blocks=("candidate",), states=0),
}
"""Name -> cell."""
