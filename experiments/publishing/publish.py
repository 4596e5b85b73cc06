"""Publishes what was run: a folder an experiment under `published/`, the page of answers, the opening of the README.

    publish.py RUN [NAME...]    publish what RUN holds of these experiments, or of all; `make publish` makes it
    publish.py                  draw everything anew from the published records; `make republish`

Nothing on these pages is typed that was measured. The records are published beside the reports, and
`tests/test_published.py` makes the reports and the pages anew from them.
"""

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sweep.experiment.file import load, override
from sweep.experiment.identity import differences
from sweep.experiment.stored import load_stored
from sweep.reporting.findings.answer import answer
from sweep.reporting.findings.choice import Choice, choices
from sweep.reporting.findings.conditions import of_trial
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.importances import Importance, importances
from sweep.reporting.findings.tables import ert_interval
from sweep.reporting.look.display import DASH, columns, count, percent, percent_interval, value_text
from sweep.reporting.look.rendering import rendered
from sweep.reporting.page import write_report
from sweep.results.manifest import begun_with
from sweep.results.record import record_schema
from sweep.results.results import Results
from sweep.results.store import Store
from sweep.results.upgrades import as_of, version_of
from sweep.stats import Interval

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PUBLISHED = ROOT / "results" / "published"
PAPER = HERE / "paper_1997.csv"

_REPORT = ("report.md", "figures", "tables")
_NO_WEIGHTS = ("weights", "weights_seed")  # most of a record's bytes, and no report shows them


def experiments() -> list[str]:
    """Every experiment, in the order of their list."""
    return re.findall(r"^\| \[(\w+)\]", (ROOT / "experiments" / "README.md").read_text(), flags=re.MULTILINE)


def publish(run: Path, names: Sequence[str]) -> None:
    """Replace what is published of the experiments `names` by the results in `run`; SweepError where some are missing.

    The pages are drawn anew over everything that is published.
    """
    for store in [Store(run / name) for name in names]:
        publish_one(store, PUBLISHED / store.name)
    republish([name for name in experiments() if name not in names])


def republish(names: Collection[str]) -> None:
    """Draw the reports of `names`, and the pages, anew from the published records; nothing is trained."""
    for name in names:
        ask_anew(ROOT / "experiments" / f"{name}.toml", PUBLISHED / name)
    with tempfile.TemporaryDirectory() as folder:
        stores = {name: restored(PUBLISHED / name, Path(folder)) for name in experiments()}
        found = {name: store.load() for name, store in stores.items()}
        for name in names:
            _replace_report(found[name], PUBLISHED / name)
        (ROOT / "results" / "README.md").write_text(page(found))
        readme = ROOT / "README.md"
        readme.write_text(with_opening(readme.read_text(), found))


def ask_anew(file: Path, folder: Path) -> None:
    """Take the question and `[answer]` of an experiment's `file` over to what is published of it, as `sweep run` does.

    Nothing is taken of a file that would be trained otherwise.
    """
    manifest = json.loads((folder / "manifest.json").read_text())
    asked = override(load(file), **manifest["overrides"]).as_begun_with(begun_with(manifest))
    stored = load_stored(folder / "experiment.toml", manifest["overrides"]).as_begun_with(begun_with(manifest))
    if not differences(stored, asked) and asked.confirm == stored.confirm:
        shutil.copy(file, folder / "experiment.toml")


def publish_one(store: Store, folder: Path) -> None:
    """Replace `folder` by the report of `store`, and its records."""
    results = store.load()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _replace_report(results, folder)
    for part in ("experiment.toml", "manifest.json"):
        shutil.copy(store.path / part, folder)
    records = pa.concat_tables(store.records(store.experiment())).drop_columns(list(_NO_WEIGHTS))
    pq.write_table(records, folder / "records.parquet", compression="zstd", compression_level=15)


def _replace_report(results: Results, folder: Path) -> None:
    report = write_report(results).parent
    for part in _REPORT:
        if (report / part).is_dir():
            shutil.rmtree(folder / part, ignore_errors=True)
            shutil.copytree(report / part, folder / part)
        else:
            shutil.copy(report / part, folder / part)


def restored(folder: Path, into: Path) -> Store:
    """The results of a published `folder` as a run has them, but for the weights, in `into` under the same name."""
    store = Store(into / folder.name)
    (store.path / "trials").mkdir(parents=True)
    for part in ("experiment.toml", "manifest.json"):
        shutil.copy(folder / part, store.path)
    records = pq.read_table(folder / "records.parquet")
    schema = as_of(record_schema(store.experiment()), version_of(records.schema), records.schema)
    for name in _NO_WEIGHTS:
        records = records.append_column(schema.field(name), pa.nulls(len(records), schema.field(name).type))
    records = records.select(schema.names).cast(schema.with_metadata(records.schema.metadata))
    for row, (trial, phase) in enumerate(zip(records["trial"].to_pylist(), records["phase"].to_pylist(), strict=True)):
        pq.write_table(records.slice(row, 1), store.path / "trials" / f"{trial:06d}-{phase}.parquet")
    return store


def page(found: dict[str, Results]) -> str:
    """`results/README.md`."""
    return rendered("README.md.j2", _shown(found), HERE)


def with_opening(readme: str, found: dict[str, Results]) -> str:
    """The README of the project with what a newcomer is told first, between its two comments."""
    opening = rendered("opening.md.j2", _shown(found), HERE)
    return re.sub(
        r"(?s)(<!-- published -->\n).*(<!-- /published -->)", lambda m: f"{m.group(1)}{opening}{m.group(2)}", readme
    )


def _shown(found: dict[str, Results]) -> dict[str, Any]:
    """What the templates say."""
    paper = pd.read_csv(PAPER)
    return {
        "answers": {name: (each.experiment.question, answer(Findings(each)).sentence) for name, each in found.items()},
        "runs": _runs(found),
        "seeds": {name: each.experiment.study.replicate_seeds for name, each in found.items()},
        "chosen": {name: _comment(found[f"hochreiter_{name}"]) for name in ("2a", "2b", "2c")},
        "delays": columns(_delays(found["hochreiter_2c"], paper)),
        "weighted": {name: columns(_weighted(found[f"hochreiter_{name}"], name, paper)) for name in ("2a", "2b")},
        "printed": columns(_printed(paper)),
        "searches": {name: _search(found[f"hochreiter_{name}_search"]) for name in ("2a", "2b")},
        "gate_bias": _gate_bias(found["gate_bias"]),
        "importances": columns(_importances(found["long_random"])),
    }


def _runs(found: dict[str, Results]) -> list[tuple[str, list[str]]]:
    """What the experiments were run with and on, and which of them were: one entry where they were run together."""
    runs: dict[str, list[str]] = {}
    for name, results in found.items():
        manifest = results.manifest
        hardware, versions = manifest["hardware"], manifest["versions"]
        machine = f"on {hardware['cores']} cores of an {hardware['cpu']}"
        packages = f"with TensorFlow {versions['tensorflow']} and Keras {versions['keras']}"
        runs.setdefault(f"{machine} {packages}, at commit {manifest['commit']}", []).append(name)
    return list(runs.items())


def _comment(results: Results) -> str:
    """What the experiment file says under its question."""
    lines = (results.path / "experiment.toml").read_text().splitlines()
    return " ".join(line.removeprefix("# ") for line in lines if line.startswith("# "))


def _ours(findings: Findings, choice: Choice, printed: float) -> dict[str, Any]:
    """What our networks took to solve it, as the columns of a table, beside the number `printed` in 1997."""
    trial = choice.trial
    took = np.where(choice.replicates["solved"], choice.replicates["sequences_to_solve"], np.inf)
    first, third = np.quantile(took, [0.25, 0.75], method="inverted_cdf")
    ert = ert_interval(findings, trial, choice.replicates)
    middle = f" ({count(first)} to {count(third)})" if np.isfinite(first) else ""
    return {
        "parameters": int(trial["parameters"]),
        "seeds": int(trial["seeds"]),
        **{name: float(trial[name]) for name in ("solve_rate", "solve_rate_low", "solve_rate_high")},
        "sequences, median (middle half)": count(trial["sequences_to_solve"]) + middle,
        "ert_sequences": float(trial["ert_sequences"]),
        "ert_sequences_low": ert.low,
        "ert_sequences_high": ert.high,
        "train_seconds": float(trial["train_seconds"]),
        "1997 / ERT (95%)": _ratio(printed, float(trial["ert_sequences"]), ert),
    }


def _delays(results: Results, paper: pd.DataFrame) -> pd.DataFrame:
    """Table 3 of the paper, a row a condition, and ours beside it."""
    rows, findings = [], Findings(results)
    for choice in choices(findings).values():
        lag, distractors = (choice.condition.values[name] for name in ("lag", "distractors"))
        (printed,) = paper[(paper["lag"] == lag) & (paper["distractors"] == distractors)].to_dict("records")
        ours = _ours(findings, choice, printed["sequences"])
        head = {"delay q": lag, "p": distractors, "1997: weights": f"{printed['weights']:,.0f}"}
        rows.append(head | {"1997: sequences": count(printed["sequences"])} | ours)
    return pd.DataFrame(rows)


def _weighted(results: Results, name: str, paper: pd.DataFrame) -> pd.DataFrame:
    """Ours by the weight of the last step, 1 being the paper's loss."""
    (printed,) = paper[(paper["experiment"] == name) & (paper["method"] == "LSTM")].to_dict("records")
    findings = Findings(results)
    (condition,) = findings.conditions
    rows = []
    for _, trial in findings.search.ranked.sort_values("last_weight").iterrows():
        ours = _ours(findings, Choice(condition, findings.search, trial, confirmed=False), printed["sequences"])
        rows.append({"weight of the last step": trial["last_weight"]} | ours)
    return pd.DataFrame(rows)


def _printed(paper: pd.DataFrame) -> pd.DataFrame:
    """What the paper prints of 2a and 2b; ERT counts a trial that failed with the 5,000,000 sequences it was given."""
    rows = []
    for row in paper[paper["experiment"] != "2c"].to_dict("records"):
        solved = row["solved"]
        spent = solved * row["sequences"] + (1 - solved) * 5e6 if solved else np.inf
        rows.append(
            {
                "experiment": row["experiment"],
                "method": row["method"],
                "p": row["distractors"],
                "learning rate": value_text(row["rate"]),
                "parameters": row["weights"],
                "solved": percent(solved),
                "mean of the solved": count(row["sequences"]),
                "ert_sequences": spent / solved if solved else np.inf,
            }
        )
    return pd.DataFrame(rows)


def _search(results: Results) -> dict[str, Any]:
    """How far a search got."""
    findings = Findings(results)
    trials = findings.search.trials
    complete = trials[trials["state"] == "complete"]
    best = findings.search.ranked.iloc[0]
    seeds = len(results.experiment.study.replicate_seeds)
    found = importances(findings, trials).of
    return {
        "trials": f"{len(trials):,}",
        "seeds": seeds,
        "replicates": f"{len(trials) * seeds:,}",
        "once": int((complete["solve_rate"] > 0).sum()),
        "always": int((complete["solve_rate"] == 1).sum()),
        "diverged": int(results.replicates["diverged"].sum()),
        "closest": value_text(float(of_trial(findings.search.replicates, int(best["trial"]))["max_error"].min())),
        "answer": answer(findings).sentence,
        "importances": [(name, percent(each.share)) for name, each in found.items() if each.told],
    }


def _gate_bias(results: Results) -> dict[str, Any]:
    """Seeds that solve each length, by the initial gate bias."""
    findings, rows = Findings(results), {}
    for condition in findings.conditions:
        row: dict[str, Any] = {"sequence_length": condition.values["sequence_length"]}
        for _, trial in condition.rows(findings.search.ranked).sort_values("gate_bias").iterrows():
            solved = round(trial["solve_rate"] * trial["seeds"])
            interval = percent_interval(trial["solve_rate_low"], trial["solve_rate_high"])
            row[trial["gate_bias"]] = f"{solved} of {trial['seeds']} ({interval})"
        rows[row["sequence_length"]] = row
    longest = {name: str(said).replace(" (", " seeds (95% interval ") for name, said in rows[max(rows)].items()}
    return {"table": columns(pd.DataFrame(list(rows.values()))), "longest": longest}


def _importances(results: Results) -> pd.DataFrame:
    """Of each searched parameter, at each length."""
    rows, findings = [], Findings(results)
    for choice in choices(findings).values():
        condition, best = choice.condition, choice.trial
        found = importances(findings, condition.rows(findings.search.trials)).of
        rows.append(
            {
                "sequence_length": condition.values["sequence_length"],
                **{name: _importance(found.get(name)) for name in results.experiment.search},
                "best": ", ".join(f"{name} = {value_text(best[name])}" for name in results.experiment.search),
                "recall_accuracy": float(best["recall_accuracy"]),
            }
        )
    return pd.DataFrame(rows)


def _ratio(printed: float, ert: float, interval: Interval) -> str:
    """How many times fewer sequences ours took, with the interval of ours: the paper prints none of its own."""
    if not np.isfinite(interval.low):
        return DASH
    most = f"{printed / interval.low:.3g}"
    return f"{printed / ert:.3g} ({printed / interval.high:.3g} to {most})" if np.isfinite(ert) else f"<{most}"


def _importance(found: Importance | None) -> str:
    """A share of it, and whether chance may have shown it; a dash where nothing tells which trials are the best."""
    if found is None:
        return DASH
    return percent(found.share) if found.told else f"{percent(found.share)} (not told from chance)"


def _main(arguments: list[str]) -> None:
    if not arguments:
        republish(experiments())
        return
    run, *names = arguments
    publish(Path(run), names or experiments())


if __name__ == "__main__":
    _main(sys.argv[1:])
