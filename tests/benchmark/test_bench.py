"""`sweep bench`: each subject in a process of its own, held to learn the same, and measured without a sample lost."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from conftest import Result

from sweep.benchmark.cases import AXES, CASES, USUAL, Case
from sweep.benchmark.figures import case_figure, growth_figures
from sweep.benchmark.growth import _STUDY, grow
from sweep.benchmark.measure import Measured, measure
from sweep.benchmark.process import Process
from sweep.benchmark.stored import Bench
from sweep.benchmark.subjects import Subject, subjects
from sweep.benchmark.table import case_table, growth_table, library_table
from sweep.errors import RunError
from sweep.results.store import Store

Sweep = Callable[..., Result]

PEERS = Path(__file__).parents[1] / "benchmarks"
PEERS_PYTHON = os.environ.get("SWEEP_PEERS_PYTHON", sys.executable)

SVG = "{http://www.w3.org/2000/svg}"

# A peer without a library: its one weight grows by STEP an epoch.
FAKE = """
import json, sys, time
print(json.dumps({"library": "none"}), flush=True)
given = json.loads(sys.stdin.readline())
weight = given["weights"][0][0] if given["weights"] else 1.0
for line in sys.stdin:
    if line.strip() == "weights":
        print(json.dumps([[weight]]), flush=True)
        continue
    for _ in range(int(line)):
        WORK
        weight += STEP
    print(json.dumps({"seconds": 0.1 * max(1, int(line))}), flush=True)
"""


def fake(folder: Path, name: str, *, step: float = 1.0, work: str = "pass", script: str = FAKE) -> Subject:
    path = folder / f"{name}.py"
    path.write_text(script.replace("STEP", str(step)).replace("WORK", work))
    return Subject(name=name, command=(sys.executable, str(path)), own=False)


# Measuring


def test_every_subject_has_a_sample_for_each_repeat(tmp_path: Path) -> None:
    racing = [fake(tmp_path, "fused"), fake(tmp_path, "other")]
    for found in measure(Case(name="tiny", seeds=2), racing, repeats=4):
        assert (found.state, found.library, found.difference) == ("measured", "none", 0.0)
        assert found.epochs == 3  # of 0.1 s each: a repeat is to take about 0.3 s
        np.testing.assert_allclose(found.epoch_seconds, [0.1] * 4)
        np.testing.assert_allclose(found.microseconds, [1e6 * 0.1 / (4 * 2 * 2)] * 4)
        assert len(found.import_seconds) == len(found.compile_seconds) == len(found.peak_memory_mb) == 1
        assert 0 < found.import_seconds[0] < 60
        assert 1 < found.peak_memory_mb[0] < 1000


def test_a_subject_started_again_adds_its_samples(tmp_path: Path) -> None:
    (found,) = measure(Case(name="tiny"), [fake(tmp_path, "fused")], repeats=2, starts=3)
    assert [len(samples) for samples in (found.epoch_seconds, found.import_seconds)] == [6, 3]


def test_the_repeats_of_all_subjects_take_turns(tmp_path: Path) -> None:
    log = tmp_path / "log"
    names = ("fused", "a", "b")
    racing = [fake(tmp_path, name, work=f"open({str(log)!r}, 'a').write('{name} ')") for name in names]
    measure(Case(name="tiny"), racing, repeats=3)
    assert log.read_text().split()[-27:] == [name for _ in range(3) for name in names for _ in range(3)]


def test_a_subject_that_learns_something_else_is_found_out(tmp_path: Path) -> None:
    racing = [fake(tmp_path, "fused"), fake(tmp_path, "same", step=1.0005), fake(tmp_path, "other", step=1.002)]
    _, same, other = measure(Case(name="tiny"), racing, repeats=1, limit=300)
    assert (same.state, round(same.difference or 0, 6)) == ("measured", 0.0005)
    assert (other.state, round(other.difference or 0, 6)) == ("differs", 0.002)
    assert other.remark == "tiny: other: differs: learns something else: its weights after an epoch differ"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "state", "error"),
    [
        ("import a_library_that_nobody_has", "not installed", "No module named 'a_library_that_nobody_has'"),
        ("raise ValueError('no such cell')", "failed", "ValueError: no such cell"),
        ("raise SystemExit(3)", "failed", "ended with exit code 3 and said nothing"),
        ("print('hello', flush=True); input()", "failed", "answered 'hello', which is no JSON"),
        ("import time; time.sleep(60)", "too slow", "took more than 1.5 s"),
    ],
)
def test_a_subject_that_cannot_be_measured_says_why_and_leaves_the_others_alone(
    tmp_path: Path, script: str, state: str, error: str
) -> None:
    racing = [fake(tmp_path, "fused"), fake(tmp_path, "lame", script=script), fake(tmp_path, "other")]
    first, lame, other = measure(Case(name="tiny"), racing, repeats=2, limit=1.5)
    assert (lame.state, lame.error, lame.epoch_seconds) == (state, error, [])
    assert first.state == other.state == "measured"
    assert len(first.epoch_seconds) == len(other.epoch_seconds) == 2


def test_a_subject_that_dies_in_the_middle_is_left_out_from_then_on(tmp_path: Path) -> None:
    dying = FAKE.replace("        WORK", "        if weight > 5: raise MemoryError('no memory')\n")
    racing = [fake(tmp_path, "fused"), fake(tmp_path, "dying", script=dying)]
    first, lame = measure(Case(name="tiny"), racing, repeats=3)
    assert (lame.state, lame.error) == ("failed", "MemoryError: no memory")
    assert len(first.epoch_seconds) == 3


def test_no_process_is_left_behind(tmp_path: Path) -> None:
    with Process(fake(tmp_path, "fused"), 10) as process:
        number = process._process.pid
        assert Path(f"/proc/{number}").exists()
    assert not Path(f"/proc/{number}").exists()
    with pytest.raises(RunError, match="no-such-python"):
        Process(Subject(name="x", command=("no-such-python",), own=False), 10)


@pytest.mark.slow
def test_along_an_axis_what_was_too_slow_is_not_tried_at_a_larger_size(tmp_path: Path) -> None:
    slow = "time.sleep(60 if given['case']['seeds'] > 1 else 0)"
    growth = grow("seeds", [fake(tmp_path, "fused"), fake(tmp_path, "slow", work=slow)], repeats=1, limit=2)
    assert list(growth) == list(AXES["seeds"].cases)
    states = {size: [found.state for found in measured] for size, measured in growth.items()}
    assert states[1] == ["measured", "measured"]
    assert states[4] == ["measured", "too slow"]
    assert states[16] == states[256] == ["measured"]


# Cases and subjects


def test_each_case_has_its_own_name_and_is_one_that_an_experiment_could_have() -> None:
    cases = [*CASES.values(), *(case for axis in AXES.values() for case in axis.cases.values())]
    assert len({case.name for case in cases}) == len(cases)
    assert set(USUAL) <= set(CASES)
    for case in cases:
        configuration, task = case.configuration(), case.task()
        assert (task.num_steps, task.num_symbols) == (case.steps, case.symbols)
        assert task.num_sequences == case.sequences
        assert configuration.model.units == case.units
        assert configuration.training.batch_size == case.batch


def test_along_an_axis_only_one_size_grows() -> None:
    for axis in AXES.values():
        sentences = [case.sentence.split(", ") for case in axis.cases.values()]
        assert sum(len(set(parts)) > 1 for parts in zip(*sentences, strict=True)) == 1, axis.name


def test_the_peers_of_a_folder_are_its_files_that_read_what_they_are_told(tmp_path: Path) -> None:
    fake(tmp_path, "mine")
    (tmp_path / "other.py").write_text("print('no peer')")
    found = subjects(tmp_path, "/bin/sh")
    assert [subject.name for subject in found] == ["fused", "train_on_batch", "fit", "mine"]
    assert found[-1].command == ("/bin/sh", str(tmp_path / "mine.py"))
    assert [subject.name for subject in subjects(tmp_path, "/bin/sh", ["mine"])] == ["fused", "mine"]
    assert [subject.name for subject in subjects(PEERS, "/bin/sh")][3:] == ["jax_scan", "pytorch_eager"]


def test_on_both_backends_the_compiled_trainer_runs_twice_and_the_first_is_what_others_are_measured_by(
    tmp_path: Path,
) -> None:
    found = subjects(tmp_path, "/bin/sh", backends=("tensorflow", "jax"))
    assert [(subject.name, subject.environment["KERAS_BACKEND"]) for subject in found] == [
        ("fused", "tensorflow"),
        ("fused_jax", "jax"),
        ("train_on_batch", "tensorflow"),
        ("fit", "tensorflow"),
    ]
    on_jax = subjects(tmp_path, "/bin/sh", ["fit_jax"], ("jax",))
    assert [subject.name for subject in on_jax] == ["fused_jax", "fit_jax"]


def test_the_measuring_process_loads_nothing_that_changes_how_its_peers_run() -> None:
    """`import_keras` sets XLA's flags in the environment, which JAX would read too."""
    code = "import os, sys, sweep.cli, sweep.benchmark.growth, sweep.benchmark.figures, sweep.benchmark.table\n"
    code += "assert not {'sweep.training.keras_model', 'tensorflow', 'keras', 'torch', 'jax'} & set(sys.modules)\n"
    code += "assert 'XLA_FLAGS' not in os.environ\n"
    clean = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    subprocess.run([sys.executable, "-c", code], check=True, env=clean, timeout=300)


# What is printed and drawn


def found(subject: str, seconds: list[float], **changes: object) -> Measured:
    measured = Measured(case="step", subject=subject, parts=8, library="Library 1.0")
    measured.epoch_seconds, measured.import_seconds = seconds, [3.25] * bool(seconds)
    measured.compile_seconds, measured.peak_memory_mb = [1.5] * bool(seconds), [1024.4] * bool(seconds)
    for name, value in changes.items():
        setattr(measured, name, value)
    return measured


MEASURED = [
    found("fused", [12e-6, 10e-6, 11.2e-6], difference=0.0),
    found("fit", [0.048, 0.042], difference=2.4e-6),
    found("jax_scan", [], state="not installed", error="No module named 'jax'", library=""),
]


def test_the_table_of_a_case_has_medians_and_ranges() -> None:
    head, rows = case_table(MEASURED, whole=False)
    assert head[4:6] == ["µs per update (range)", "of fused"]
    assert rows == [
        ["fused", "3.25", "1.5", "0.0112", "1.4 (1.25–1.5)", "1 x", "1,024", "–"],  # noqa: RUF001
        ["fit", "3.25", "1.5", "45", "5,625 (5,250–6,000)", "4,018 x", "1,024", "2e-06"],  # noqa: RUF001
        ["jax_scan", "not installed", *["–"] * 6],  # noqa: RUF001
    ]
    assert case_table(MEASURED, whole=True)[0][4] == "µs per step (range)"
    assert all(len(row) == len(head) for row in rows)


def test_the_table_of_an_axis_has_a_row_for_each_size_and_subject() -> None:
    head, rows = growth_table("seeds", {1: MEASURED, 4: MEASURED[:1]})
    assert head[:2] == ["seeds", "subject"]
    assert [row[:2] for row in rows] == [["1", "fused"], ["1", "fit"], ["1", "jax_scan"], ["4", "fused"]]
    assert rows[0][2:] == ["1.5", "0.0112", "1.4 (1.25–1.5)", "1,024"]  # noqa: RUF001
    assert rows[2][2:] == ["not installed", "–", "–", "–"]  # noqa: RUF001
    study = Measured(case="trials-100", subject="study", parts=100, epoch_seconds=[2.0], peak_memory_mb=[200.0])
    assert growth_table("trials", {100: [study]})[1] == [["100", "study", "–", "2,000", "20", "200"]]  # noqa: RUF001


def test_the_table_of_libraries_counts_the_processes_behind_an_import() -> None:
    assert library_table([*MEASURED, MEASURED[0]])[1] == [
        ["fused", "Library 1.0", "3.25 (3.25–3.25)", "2"],  # noqa: RUF001
        ["fit", "Library 1.0", "3.25", "1"],
    ]


def test_the_figures_mark_every_point() -> None:
    svgs = {"cases.svg": case_figure(MEASURED)}
    svgs |= growth_figures("seeds", {1: MEASURED, 4: MEASURED, 256: MEASURED[:1]})
    assert set(svgs) == {"cases.svg", "seeds-time.svg", "seeds-memory.svg"}
    for name, points in (("cases.svg", 2), ("seeds-time.svg", 5), ("seeds-memory.svg", 5)):
        root = ElementTree.fromstring(svgs[name])
        marks = [use.get("style", "") for use in root.iter(f"{SVG}use")]
        coloured = [style for style in marks if "fill: #0072b2" in style or "fill: #00805f" in style]
        assert len(coloured) == points + 2, name  # and two in the legend
        assert {"fused", "fit"} <= {text.text for text in root.iter(f"{SVG}text")}


# The command


@pytest.fixture
def two_subjects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    racing = [fake(tmp_path, "fused"), fake(tmp_path, "other", step=1.5)]
    monkeypatch.setattr("sweep.benchmark.subjects.subjects", lambda peers, python, names, backends: racing)


def test_bench_prints_a_table_and_fails_where_a_subject_learns_something_else(
    two_subjects: None, sweep_command: Sweep
) -> None:
    result = sweep_command("bench", "--case", "step", "--repeats", "2")
    lines = result.out.splitlines()
    assert result.code == 1
    assert lines[0] == "step: one step an update, 20 units, 5 symbols, batch 1, 1 seed"
    assert [line.split()[0] for line in lines[4:6]] == ["fused", "other"]
    assert result.err == "step: other: differs: learns something else: its weights after an epoch differ\n"


def test_bench_as_json_holds_every_sample(two_subjects: None, sweep_command: Sweep) -> None:
    result = sweep_command("bench", "--case", "step", "--case", "window-100", "--repeats", "2", "--json")
    content = json.loads(result.out)
    assert [(row["case"], row["subject"], row["state"]) for row in content["cases"]] == [
        ("step", "fused", "measured"),
        ("step", "other", "differs"),
        ("window-100", "fused", "measured"),
        ("window-100", "other", "differs"),
    ]
    assert content["hardware"]["cores"] == os.cpu_count()
    first = content["cases"][0]
    np.testing.assert_allclose(first["epoch_seconds"], [0.1, 0.1])
    np.testing.assert_allclose(first["microseconds_median"], 1e6 * 0.1 / 8)


def test_what_json_printed_is_shown_again_to_the_letter(two_subjects: None, sweep_command: Sweep) -> None:
    printed = sweep_command("bench", "--case", "step", "--case", "window-100", "--repeats", "2", "--json").out
    Path("bench.json").write_text(printed)
    assert sweep_command("bench", "--read", "bench.json", "--json").out == printed
    tables = sweep_command("bench", "--read", "bench.json", "--figures", "drawn").out
    assert "window-100: the whole sequence of 100 steps an update, 20 units, 8 symbols, batch 1, 1 seed" in tables
    assert [line.split()[0] for line in tables.splitlines() if line.startswith((" fused", " other"))] == [
        *("fused", "other"),
        *("fused", "other"),
        *("fused", "other"),  # and which libraries they load
    ]
    assert ElementTree.parse("drawn/cases.svg") is not None


def test_growth_is_shown_again_too(tmp_path: Path, sweep_command: Sweep) -> None:
    growth = {"seeds": {1: MEASURED, 4: MEASURED[:1]}}
    done = Bench([], growth, {"cpu": "abacus", "cores": 2, "memory_gb": 0.5, "platform": "desk"})
    Path("bench.json").write_text(done.as_json())
    result = sweep_command("bench", "--read", "bench.json")
    assert sweep_command("bench", "--read", "bench.json", "--read", "bench.json") == result
    Path("other.json").write_text(done.as_json().replace("abacus", "slide rule"))
    mixed = sweep_command("bench", "--read", "bench.json", "--read", "other.json")
    line = "other.json: was measured on another machine than bench.json; show one at a time"
    assert mixed == Result(2, "", f"Error: {line}\n")
    assert "Measured on abacus, 2 cores, 0.5 GB, desk" in result.out
    assert [line.split()[:2] for line in result.out.splitlines()[3:7]] == [
        ["1", "fused"],
        ["1", "fit"],
        ["1", "jax_scan"],
        ["4", "fused"],
    ]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"cases": [{}], "growth": {}, "hardware": {}}', "[" * 100_000])
def test_a_file_that_no_bench_wrote_is_one_line(content: str, sweep_command: Sweep) -> None:
    Path("bench.json").write_text(content)
    line = "bench.json: is not what `sweep bench --json` prints; give a file with that"
    assert sweep_command("bench", "--read", "bench.json") == Result(2, "", f"Error: {line}\n")
    assert sweep_command("bench", "--read", "no.json") == Result(2, "", "Error: no.json: No such file or directory\n")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--case", "stp"], '--case: unknown case "stp"; did you mean "step"?'),
        (["--case", "x"], f'--case: unknown case "x"; known: {", ".join([*CASES, "all"])}'),
        (["--growth", "size"], '--growth: unknown axis "size"; known: length, seeds, units, alphabet, trials, all'),
        (["--subject", "torch"], '--subject: unknown subject "torch"; known: fused, train_on_batch, fit'),
        (["--python", "nowhere"], "--python: nowhere cannot be run; give the path of a Python interpreter"),
        (["--peers", "nowhere"], "--peers: nowhere is no folder; give the one that holds the peers' files"),
    ],
)
def test_a_wrong_name_is_one_line_with_the_right_ones(arguments: list[str], line: str, sweep_command: Sweep) -> None:
    assert sweep_command("bench", *arguments) == Result(2, "", f"Error: {line}\n")


def test_the_published_tables_are_made_from_the_published_samples(sweep_command: Sweep) -> None:
    result = sweep_command("bench", "--read", str(PEERS / "measured.json"))
    assert (PEERS / "measured.txt").read_text() == result.out
    printed = {line.strip() for line in result.out.splitlines()}
    blocks = re.findall(r"```text\n(.*?)```", (PEERS / "README.md").read_text(), flags=re.DOTALL)
    assert blocks
    for line in "".join(blocks).splitlines():
        assert line.strip() in printed


# With the libraries themselves


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        Case(name="one-step", steps=5, symbols=6, units=7, seeds=2),
        Case(name="windows", steps=40, window=40, symbols=6, units=7, batch=3, seeds=2),
        Case(name="last", steps=40, window=40, symbols=6, units=7, scored="last"),
    ],
    ids=lambda case: case.name,
)
def test_all_subjects_learn_the_same(case: Case) -> None:
    """From the weights that Keras draws, as far as single precision lets them."""
    missing = []
    for each in measure(case, subjects(PEERS, PEERS_PYTHON), repeats=1):
        if each.state == "not installed":
            missing.append(f"{each.subject}: {each.error}")
            continue
        assert each.state == "measured", each.remark
        assert each.difference is not None
        assert each.difference < 1e-4, each.subject
    if missing:
        pytest.skip(f"the others agree; not compared: {', '.join(missing)}; SWEEP_PEERS_PYTHON names their Python")


@pytest.mark.slow
def test_a_real_bench_of_both_backends_from_the_shell_to_the_figure(tmp_path: Path) -> None:
    subjects = ["--backend", "both", "--subject", "fused_jax", "--subject", "train_on_batch"]
    options = ["--case", "step", *subjects, "--repeats", "2", "--figures", "drawn", "--json"]
    command = [sys.executable, "-m", "sweep", "bench", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    fused, on_jax, on_batch = json.loads(done.stdout)["cases"]
    assert [each["subject"] for each in (fused, on_jax, on_batch)] == ["fused", "fused_jax", "train_on_batch"]
    assert fused["state"] == on_jax["state"] == on_batch["state"] == "measured", on_jax["error"]
    assert len(fused["epoch_seconds"]) == len(on_jax["epoch_seconds"]) == len(on_batch["epoch_seconds"]) == 2
    assert fused["library"].startswith("Keras 3")
    assert on_jax["library"].split(", ")[1].startswith("JAX ")
    assert 0 < on_jax["difference"] < 1e-4, "the compiled trainer learns the same on both"
    assert done.stderr == "drawn/cases.svg\n"
    drawn = (tmp_path / "drawn" / "cases.svg").read_text()
    assert "train_on_batch" in drawn
    assert "fused_jax" in drawn


@pytest.mark.slow
@pytest.mark.parametrize(
    "own", [*(each for each in subjects(None, sys.executable) if each.own), _STUDY], ids=lambda own: own.name
)
def test_no_module_of_the_working_folder_is_imported(
    own: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("open('planted', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    with Process(own, 60) as process:
        assert process.library
    assert not Path("planted").exists()


@pytest.mark.slow
def test_a_study_that_trains_nothing_is_otherwise_a_real_one(tmp_path: Path) -> None:
    from sweep.benchmark.trials import run_study

    run_study(12, tmp_path)
    results = Store(tmp_path / "results" / "trials").load()
    assert results.trials["state"].tolist() == ["complete"] * 12
    assert results.trials["units"].nunique() > 6
    assert len(results.curves) == 12 * 10 * 250
