"""A small report, read by people when it changes.

`PYTHONPATH=tests python tests/reporting/test_report_golden.py` writes it anew.
"""

import re
import tempfile
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import failed_outcome, outcome_of
from sampled_results import MANIFEST

from sweep.experiment.file import parse
from sweep.reporting.page import curves_needed, write_report
from sweep.results.record import TrialKey
from sweep.results.store import Store

GOLDEN = Path(__file__).parent / "golden"
EXPERIMENT = """
question = "Does a larger network remember longer?"

[task]
name = "increasing"

[conditions]
sequence_length = [5, 6]

[training]
epochs = 4

[search]
units = { choices = [4, 8, 16] }

[study]
sampler = "grid"
seeds   = 4
"""
UNITS = [16, 16, 4, 4, 8, 8]
TESTS = [  # sequence accuracy of each seed at each test, trial by trial
    [[0, 0.5, 1, 1], [0, 1, 1, 1], [0, 0.5, 0.5, 1], [0.5, 1, 1, 1]],
    [[0, 0.5, 0.5, 0.5], [0, 0, 0, 0.5], [0.5, 0.5, 1, 1], [0, 0, 0.5, 0.5]],
    [[0, 0, 0, 0.5], [0, 0, 0.5, 0.5], [0, 0, 0, 0], [0, 0.5, 1, 0.5]],
    [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0.5], [0, 0, 0, 0]],
    [[0, 0.5, 0.5, 1], [0, 0.5, 1, 0.5], [0, 0, 0, 1], [0, 0, 0.5, 0.5]],
]
CONFIRMED = [[0, 0.5, 1, 1], [0, 0, 0.5, 0.5], [0, 0.5, 1, 1], [0, 1, 1, 1], [0, 0, 0.5, 0.5], [0, 0.5, 1, 1]]


def golden_store(folder: Path) -> Store:
    """Records as a run leaves them: two conditions, five complete trials and a failed one, one trained again."""
    store, experiment = Store(folder / "golden"), parse(tomllib.loads(EXPERIMENT), where="golden.toml")
    store.create(EXPERIMENT, MANIFEST | {"experiment": "golden", "command": ["sweep", "run", "golden"]})
    outcomes = [*map(outcome_of, TESTS), failed_outcome(seeds=4)]
    again = outcome_of(CONFIRMED, seeds=tuple(range(4, 10)))
    written = [*((trial, "search", outcome) for trial, outcome in enumerate(outcomes)), (0, "confirm", again)]
    for trial, phase, outcome in written:
        key = TrialKey(
            trial=trial,
            phase=phase,
            condition=experiment.condition_settings[trial % 2],
            parameters={"units": UNITS[trial]},
        )
        store.append(experiment, key, outcome)
    return store


def readable(folder: Path) -> dict[str, str]:
    """The report's texts: the page with the words of each figure in its place, the Markdown, and the tables."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    page = re.sub(r"<svg .*?</svg>", lambda found: words(found.group(0)), page, flags=re.S)
    page = re.sub(r"<(style|script)>.*?</\1>", r"<\1>...</\1>", page, flags=re.S)
    page = re.sub(r"'sha256-[^']+'", "'sha256-...'", page)
    texts = {"index.html": page, "report.md": (folder / "report.md").read_text(encoding="utf-8")}
    texts |= {f"tables/{p.name}": p.read_text(encoding="utf-8") for p in sorted((folder / "tables").iterdir())}
    return texts


def words(svg: str) -> str:
    texts = [
        " ".join("".join(e.itertext()).split()) for e in ElementTree.fromstring(svg).iter() if e.tag[-4:] == "text"
    ]
    return "[" + " | ".join(texts) + "]"


@pytest.mark.slow
def test_the_golden_report_is_the_one_that_was_reviewed(tmp_path: Path) -> None:
    written = readable(write_report(golden_store(tmp_path).load()).parent)
    kept = {str(p.relative_to(GOLDEN)): p.read_text(encoding="utf-8") for p in GOLDEN.rglob("*") if p.is_file()}
    assert sorted(written) == sorted(kept)
    for name, text in written.items():
        assert text == kept[name], name


@pytest.mark.slow
def test_the_golden_tables_hold_what_the_records_say(tmp_path: Path) -> None:
    """Counted by hand from `TESTS` and `CONFIRMED`, so that a golden file cannot be renewed into an error."""
    write_report(golden_store(tmp_path).load())
    rows = (tmp_path / "golden" / "report" / "tables" / "choice.csv").read_text().splitlines()
    head, first, second = (row.split(",") for row in rows)
    shorter, longer = dict(zip(head, first, strict=True)), dict(zip(head, second, strict=True))
    assert (shorter["trial"], shorter["units"], shorter["seeds"]) == ("0", "16", "6")  # the confirmed one
    assert float(shorter["solve_rate"]) == pytest.approx(4 / 6)
    assert (longer["trial"], longer["seeds"], float(longer["solve_rate"])) == ("1", "4", 0.25)
    assert float(longer["recall_accuracy"]) == pytest.approx(np.mean([0.75, 0.75, 1, 0.75]))
    accuracy = (tmp_path / "golden" / "report" / "tables" / "accuracy.csv").read_text().splitlines()
    assert len(accuracy) == 7


@pytest.mark.slow
def test_a_report_of_the_curves_that_it_draws_is_the_one_of_all_curves(tmp_path: Path) -> None:
    store = golden_store(tmp_path)
    experiment = store.experiment()
    for trial in range(6, 160):  # more than are drawn
        tests = np.random.default_rng(trial).choice([0.0, 0.5, 1.0], (4, 4)).tolist()
        condition = experiment.condition_settings[trial % 2]
        key = TrialKey(trial=trial, phase="search", condition=condition, parameters={"units": [4, 8, 16][trial % 3]})
        store.append(experiment, key, outcome_of(tests))
    whole = store.load()
    some = store.load(curves_needed)
    assert 0 < some.curves["trial"].nunique() < whole.curves["trial"].nunique()
    folder = write_report(whole).parent
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_report(some)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, text in readable(write_report(golden_store(Path(folder)).load()).parent).items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_text(text, encoding="utf-8")
