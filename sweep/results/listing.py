"""The experiments that there are, and how far each one has come; nothing is loaded but the files' names."""

from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.experiment.file import load


def listing(experiments: Path, results: Path) -> list[dict[str, Any]]:
    """One entry for each experiment file: name, question, trials asked for and finished.

    A file that cannot be read is listed with its fault in place of the question.
    """
    return [_entry(path, results / path.stem) for path in sorted(experiments.glob("*.toml"))]


def _entry(path: Path, folder: Path) -> dict[str, Any]:
    finished = len(list((folder / "trials").glob("[0-9]*-search.parquet")))
    try:
        experiment = load(path)
    except SweepError as error:
        return {"experiment": path.stem, "question": str(error), "trials": None, "finished": finished}
    trials = experiment.trials * len(experiment.condition_settings)
    return {"experiment": path.stem, "question": experiment.question, "trials": trials, "finished": finished}
