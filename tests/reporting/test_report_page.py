"""The report's files: the same bytes each time, self-contained, safe, and drawn as they claim."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sampled_results import (
    TUNING,
    TUTORIAL,
    UNSEEN,
    all_failed,
    empty,
    sample,
    tuning,
    tutorial,
    two_conditions,
    unseen,
)

from sweep.errors import RunError
from sweep.reporting.figures.learning import learning_curves, quantiles, solved_share
from sweep.reporting.figures.steps import _binned, step_figures
from sweep.reporting.files import write_files
from sweep.reporting.findings.answer import settings
from sweep.reporting.findings.conditions import conditions
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.importances import importances
from sweep.reporting.page import write_report


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


@pytest.mark.slow
def test_same_results_give_the_same_bytes(tmp_path):
    index = write_report(tuning(tmp_path / "tuning"))
    first = _files(index.parent)
    write_report(tuning(tmp_path / "tuning"))
    assert _files(index.parent) == first
    assert {"index.html", "report.md", "figures/recall.svg", "tables/accuracy.csv"} <= set(first)


def test_files_of_an_earlier_report_are_removed_and_others_are_left(tmp_path):
    folder = tmp_path / "empty" / "report"
    for name in ("figures/old.svg", "tables/old.csv", "tables/.old.csv.1.tmp", "tables/mine.txt", "mine.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("old")
    write_report(empty(tmp_path / "empty"))
    kept = {"index.html", "report.md", "tables/accuracy.csv", "tables/cost.csv", "tables/mine.txt", "mine.md"}
    assert set(_files(folder)) == kept


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "report").write_text("a file in the way")
    with pytest.raises(RunError, match="the report cannot be written"):
        write_files(tmp_path / "report", {"index.html": ""})


def test_the_page_loads_nothing_and_its_policy_forbids_it(tmp_path):
    page = write_report(sample(tmp_path / "t", TUTORIAL | {"study": {"seeds": 4}})).read_text()
    tags = _Tags(page).tags
    policy = next(a["content"] for t, a in tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert not {tag for tag, _ in tags} & {"link", "img", "image", "iframe", "object", "base"}
    assert not [a for tag, a in tags if tag == "script" and "src" in a]
    assert not re.findall(r"url\((?!#)|@import", page)
    linked = [a["href"] for tag, a in tags if tag == "a"]
    assert all(not re.match(r"[a-z]+:|//", href) for href in linked)


@pytest.mark.slow
def test_no_two_figures_of_a_page_share_an_id(tmp_path):
    raw = TUTORIAL | {"conditions": {"sequence_length": [4, 5]}, "study": {"seeds": 3}}
    page = write_report(sample(tmp_path / "t", raw)).read_text()
    ids = [attributes["id"] for _, attributes in _Tags(page).tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert all(target in ids for target in re.findall(r'(?:url\(|href=")#([^)"]+)', page))


def test_what_a_user_writes_is_shown_and_never_run(tmp_path):
    payload = '</title><script>alert(1)</script>$\\frac$ & "quoted" {{ 7*7 }}'
    task = {"name": "explicit", "sequences": [["<b>", "$x", "<b>"], ["$\\y$", "$x", "$\\y$"]]}
    raw = TUTORIAL | {"question": payload, "task": task, "study": {"seeds": 2}}
    results = sample(tmp_path / "t", raw)
    command = ["sweep", "run", "<img src=x onerror=alert(1)>.toml"]
    results = replace(results, name="<i>name</i>", manifest=results.manifest | {"command": command})
    page = write_report(results).read_text()
    tags = [tag for tag, _ in _Tags(page).tags]
    assert tags.count("script") == 1
    assert not {"b", "i", "img"} & set(tags)
    assert "{{ 7*7 }}" in page
    markdown = (tmp_path / "t" / "report" / "report.md").read_text()
    assert "<script>" not in markdown


@pytest.mark.slow
def test_a_condition_with_dollar_signs_is_drawn_as_it_is(tmp_path):
    cases = [[["$\\alpha", "b", "$\\alpha"], ["c", "b", "c"]], [["<i>", "b", "<i>"], ["c", "b", "c"]]]
    raw = {"question": "q", "task": {"name": "explicit", "sequences": cases[0]}}
    raw |= {"conditions": {"sequences": cases}, "study": {"seeds": 2}, "training": {"epochs": 5}}
    page = write_report(sample(tmp_path / "t", raw)).read_text()
    assert "$\\alpha" in page
    assert "i" not in [tag for tag, _ in _Tags(page).tags]


def test_an_error_of_a_failed_trial_is_shown_escaped(tmp_path):
    page = write_report(all_failed(tmp_path / "failed")).read_text()
    assert "ValueError: no &lt;memory&gt; left" in page


def test_the_memoryless_ceiling_and_chance_are_drawn_and_named():
    results = sample(tutorial().path, TUTORIAL | {"study": {"seeds": 4}})
    recall = learning_curves(Findings(results), conditions(results)[0], Findings(results).search.ranked)[0]
    svg = "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(recall.svg)
    texts = " ".join(element.text or "" for element in root.iter(f"{svg}text"))
    texts += " ".join(element.text or "" for element in root.iter(f"{svg}tspan"))
    assert "ceiling" in texts
    assert "50%" in texts
    assert "20%" in texts
    dashes = [path.get("style", "") for path in root.iter(f"{svg}path") if "dasharray" in path.get("style", "")]
    assert len(dashes) == 2


def test_the_map_of_steps_goes_from_the_best_trial_to_the_worst():
    results = tuning(study={"trials": 60, "seeds": 2})
    ranked = Findings(results).search.ranked
    shown = list(step_figures(Findings(results), conditions(results)[0], ranked)[1].data["trial"])
    assert len(shown) < 60
    assert [shown[0], shown[-1]] == [ranked["trial"].iloc[0], ranked["trial"].iloc[-1]]


def test_a_single_scored_step_gets_no_step_figure():
    results = unseen(study={"seeds": 3})
    assert set(results.steps["step"]) == {4}
    assert step_figures(Findings(results), conditions(results)[0], Findings(results).search.ranked) == []


def test_sequences_that_end_at_various_steps_of_their_own_get_no_step_figure():
    raw = UNSEEN | {"task": {"name": "marked", "lag": 5}, "study": {"seeds": 2}}
    results = sample(unseen().path, raw)
    assert len(set(results.steps["step"])) > 1
    assert step_figures(Findings(results), conditions(results)[0], Findings(results).search.ranked) == []


def test_a_step_that_is_not_scored_leaves_its_place_in_the_map_empty():
    results = sample(tutorial().path, TUTORIAL | {"study": {"seeds": 4}})
    results = replace(results, steps=results.steps[results.steps["step"] != 2])
    steps, row_by_row = step_figures(Findings(results), conditions(results)[0], Findings(results).search.ranked)
    assert list(steps.data["step"]) == [1, 3, 4]
    assert list(row_by_row.data.columns) == ["seed", "1", "3", "4"]
    cells, edges = _binned(np.array([[1.0, np.nan, 0.5, 0.0]]))
    assert edges.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    np.testing.assert_array_equal(cells, [[1.0, np.nan, 0.5, 0.0]])


def test_of_a_long_sequence_neighbouring_steps_are_averaged_without_those_that_are_not_scored():
    row = np.full(10_000, 0.25)
    row[1::2] = np.nan
    cells, edges = _binned(row[None])
    assert (edges[0], edges[-1]) == (0.5, 10_000.5)
    assert cells.shape == (1, len(edges) - 1) == (1, 60)
    np.testing.assert_allclose(cells, 0.25)


def test_no_line_breaks_inside_an_interval_or_a_setting(tmp_path):
    raw = TUTORIAL | {"conditions": {"sequence_length": [5, 6]}, "study": {"seeds": 2}, "training": {"epochs": 5}}
    page = write_report(sample(tmp_path / "t", raw, limit=1)).read_text()
    answer = re.search(r'<p class="answer">(.*?)</p>', page).group(1)
    assert " = " not in answer
    assert "\N{WORD JOINER}\N{EN DASH}\N{WORD JOINER}" in answer


def test_a_curve_of_more_tests_than_can_be_told_apart_says_how_many_are_drawn():
    results = sample(tutorial().path, TUTORIAL | {"training": {"epochs": 251}, "study": {"seeds": 2}})
    curves = learning_curves(Findings(results), conditions(results)[0], Findings(results).search.ranked)
    assert all("Drawn: 250 of 251 tests, evenly; the CSV has all." in curve.caption for curve in curves)
    assert all(len(curve.data) == 251 for curve in curves)
    assert (
        "Drawn"
        not in learning_curves(Findings(tutorial()), conditions(tutorial())[0], Findings(tutorial()).search.ranked)[
            0
        ].caption
    )


def test_bands_keep_the_last_value_of_a_replicate_that_ended_early():
    curves = pd.DataFrame({"seed": [0, 0, 1], "epoch": [1, 2, 1], "recall_accuracy": [0.0, 0.0, 1.0]})
    curves["sequence_accuracy"] = curves["recall_accuracy"]
    assert list(quantiles(curves, "recall_accuracy")["mean"]) == [0.5, 0.5]
    assert list(solved_share(curves)["share"]) == [0.5, 0.5]


def test_a_diverged_loss_does_not_bend_the_band():
    curves = pd.DataFrame({"seed": [0, 1, 0, 1], "epoch": [1, 1, 2, 2], "loss": [0.5, 0.5, 0.4, np.nan]})
    table = quantiles(curves, "loss")
    assert list(table["median"]) == [0.5, 0.4]
    assert list(table["seeds"]) == [2, 1]


def test_importances_say_why_they_are_missing():
    few = tuning(study={"trials": 9, "seeds": 2})
    assert "10 complete trials are needed" in importances(Findings(few), Findings(few).search.ranked).why_not
    same = tuning(study={"trials": 12, "seeds": 2})
    flat = Findings(same).search.ranked.assign(recall_accuracy=1.0)
    assert "the same recall accuracy" in importances(Findings(same), flat).why_not


@pytest.mark.slow
def test_importances_find_the_parameter_that_decides():
    results = tuning()
    trials = Findings(results).search.ranked
    trials = trials.assign(recall_accuracy=(np.log(trials["learning_rate"].astype(float)) + 10) / 10)
    found = importances(Findings(results), trials)
    assert next(iter(found.of)) == "learning_rate"
    assert sum(each.share for each in found.of.values()) == pytest.approx(1)


@pytest.mark.slow
def test_importances_take_a_range_below_one_for_what_it_is():
    search = {"clip_norm": {"low": 0.1, "high": 10.0, "log": True}, "units": {"low": 1, "high": 64}}
    results = sample(Path("results/clipped"), TUNING | {"search": search})
    trials = Findings(results).search.trials
    trials = trials.assign(recall_accuracy=np.linspace(0, 1, len(trials)))
    assert set(importances(Findings(results), trials).of) == {"clip_norm", "units"}


def test_sorting_is_by_number_where_a_column_has_numbers(tmp_path):
    page = write_report(sample(tmp_path / "t", TUNING, limit=0)).read_text()
    assert "No trial has finished yet" in page
    page = write_report(all_failed(tmp_path / "failed")).read_text()
    cells = [attributes for tag, attributes in _Tags(page).tags if tag == "td"]
    assert any(cell["data-value"] == "52.0" and cell["class"] == "number" for cell in cells)


@pytest.mark.slow
def test_every_kind_of_results_gives_a_page(tmp_path):
    for make in (two_conditions, all_failed, empty):
        page = write_report(make(tmp_path / make.__name__)).read_text()
        assert "What not to conclude" in page
        assert "nan" not in re.sub(r"<(svg|script|style).*?</\1>", "", page, flags=re.S).lower().split()


@pytest.mark.slow
def test_reports_import_neither_tensorflow_nor_matplotlib_before_they_are_written():
    program = (
        "import sys, sweep.reporting.page; print(*{'tensorflow', 'keras', 'matplotlib', 'optuna'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.split() == []


@pytest.mark.slow
def test_a_thousand_trials_make_a_page_of_less_than_3_mb(tmp_path):
    index = write_report(tuning(tmp_path / "large", study={"trials": 1000, "seeds": 10}))
    assert index.stat().st_size < 3_000_000


@pytest.mark.slow
def test_a_parameter_that_only_some_trials_have_is_left_out_of_the_others(tmp_path):
    search = {
        "cell": {"choices": ["lstm", "gru"]},
        "gate_bias": {"choices": ["zeros", "chrono"], "when": {"cell": "lstm"}},
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True, "when": {"cell": "lstm"}},
    }
    results = sample(tmp_path / "t", TUNING | {"search": search, "study": {"trials": 12, "seeds": 2}})
    lacking = results.trials["cell"] == "gru"
    results.trials.loc[lacking, ["gate_bias", "learning_rate"]] = None
    assert 0 < lacking.sum() < 12
    write_report(results)
    folder = tmp_path / "t" / "report"
    for name in ("gate-bias", "learning-rate"):
        assert len((folder / f"tables/slice-{name}.csv").read_text().splitlines()) == 1 + (~lacking).sum()
    markdown = (folder / "report.md").read_text()
    assert "zeros or chrono, where cell = lstm (varied)" in markdown
    assert "a dot a complete trial that has it" in markdown
    gru = results.trials[lacking].iloc[0]
    assert settings(Findings(results), gru) == "cell = gru"
