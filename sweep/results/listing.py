"""The experiments that there are, and how far each one has come."""

from pathlib import Path
from typing import Any

from sweep.errors import SweepError
from sweep.experiment.experiment import Experiment
from sweep.experiment.file import files_in, load
from sweep.experiment.trials import Phase
from sweep.foreign import harmless
from sweep.results.store import Store


def listing(experiments: Path, results: Path) -> list[dict[str, Any]]:
    """One entry for each experiment file, and for each folder of results that has no file there.

    Each has name, question, trials asked for and finished, and the `file`, None where only its results are left. What
    cannot be read is listed with its fault in place of the question.
    """
    files = files_in(experiments)
    alone = {store.name: store for store in stores_in(results)}
    for path in files:
        alone.pop(path.stem, None)
    return [
        *(_entry(Store(results / path.stem), path) for path in files),
        *(_entry(store, None) for store in alone.values()),
    ]


def stores_in(folder: Path) -> list[Store]:
    """The results that lie there, in the order of their names; none where there is no such folder."""
    try:
        return [store for path in sorted(folder.glob("*/")) if (store := Store(path)).exists]
    except OSError:  # its name is too long
        return []


def _entry(store: Store, file: Path | None) -> dict[str, Any]:
    entry = {"experiment": harmless(store.name), "trials": None, "finished": len(store.files(Phase.SEARCH))}
    try:
        experiment: Experiment = load(file) if file is not None else store.experiment()
    except SweepError as error:
        read = str(file or store.path)
        fault = harmless(str(error).replace(read, harmless(read)), lines=True)
        return entry | {"question": fault, "file": str(file) if file else None}
    trials = experiment.trials * len(experiment.condition_settings)
    return entry | {"question": experiment.question, "trials": trials, "file": str(file) if file else None}
