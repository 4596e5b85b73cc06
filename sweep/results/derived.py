"""Columns that no record holds: what follows from the others and from a setting that may change at any time."""

import pyarrow as pa
import pyarrow.compute as pc


def with_derived(replicates: pa.Table, margin: float) -> pa.Table:
    """The replicates' table with `solved_with_margin` behind its own columns.

    True where the task is solved and every right answer leads by `margin` at least, which no network that diverged
    does; missing where no margin was measured, as in records of the first versions.
    """
    wide = pc.greater_equal(replicates.column("margin"), margin)
    return replicates.append_column("solved_with_margin", pc.and_(replicates.column("solved"), wide))
