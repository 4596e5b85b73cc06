"""Other lengths: what the trained network reaches where no training was, in a table and a figure."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sampled_results import UNSEEN, sample, tutorial, unseen

from sweep.reporting.figures.lengths import length_figures
from sweep.reporting.findings.conditions import conditions
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.lengths import by_length, lengths_table
from sweep.reporting.page import write_report


def test_each_length_stands_beside_the_trained_one_chance_and_the_ceiling():
    table = lengths_table(Findings(unseen()))
    assert list(table["length"]) == [5, 10, 20, 50]
    assert list(table["trained"]) == [True, False, False, False]
    assert list(table["chance"]) == pytest.approx([0.1] * 4)
    assert list(table["memoryless_ceiling"]) == pytest.approx([0.5] * 4)


def test_the_spread_at_a_length_is_that_of_its_seeds():
    results = unseen(study={"seeds": 5})
    lengths = pd.DataFrame({"seed": range(5), "recall_accuracy": [0.0, 0.25, 0.5, 0.75, 1.0]})
    lengths = lengths.assign(experiment="sample", trial=0, phase="search", length=10, sequence_accuracy=0.0)
    row = by_length(Findings(replace(results, lengths=lengths)), conditions(results)[0], 0).set_index("length").loc[10]
    quantiles = row[["p10", "p25", "median", "p75", "p90"]].astype(float).tolist()
    assert quantiles == pytest.approx([0.1, 0.25, 0.5, 0.75, 0.9])
    assert row["seeds"] == 5


def test_a_trained_length_that_was_tested_anew_is_not_counted_twice():
    task = UNSEEN["task"] | {"test_lengths": [5, 10]}
    table = lengths_table(Findings(sample(unseen().path, UNSEEN | {"task": task})))
    assert list(table["length"]) == [5, 10]
    assert list(table["seeds"]) == [20, 20]


def test_without_other_lengths_there_is_no_table_and_no_figure():
    results = tutorial()
    assert lengths_table(Findings(results)).empty
    assert length_figures(Findings(results), conditions(results)[0], Findings(results).search.ranked) == []


@pytest.mark.slow
def test_the_page_the_markdown_and_the_files_have_the_other_lengths(tmp_path):
    results = unseen(tmp_path / "unseen")
    page = write_report(results)
    assert '<h2 id="lengths">Other lengths</h2>' in page.read_text()
    markdown = (page.parent / "report.md").read_text()
    assert "## Other lengths" in markdown
    assert "recall accuracy, median (middle 80%)" in markdown
    assert (page.parent / "figures" / "recall-by-length.svg").is_file()
    written = pd.read_csv(page.parent / "tables" / "lengths.csv")
    assert np.allclose(written["recall_median"], lengths_table(Findings(results))["recall_median"])


@pytest.mark.slow
def test_lengths_of_several_conditions_stand_in_one_table(tmp_path):
    raw = UNSEEN | {"conditions": {"sequence_length": [5, 7]}, "study": {"seeds": 3}}
    results = sample(tmp_path / "x", raw)
    table = lengths_table(Findings(results))
    assert list(table["sequence_length"]) == [5] * 4 + [7] * 4
    assert table.groupby("sequence_length")["length"].apply(list).to_dict() == {5: [5, 10, 20, 50], 7: [7, 10, 20, 50]}
    figures = write_report(results).parent / "figures"
    assert {path.name for path in figures.glob("recall-by-length-*")} == {
        "recall-by-length-1.svg",
        "recall-by-length-2.svg",
    }
