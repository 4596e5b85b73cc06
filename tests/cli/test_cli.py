"""The command line: data on stdout, everything else on stderr, and the right exit code."""

# ruff: noqa: E501, RUF001 - a printed table is as wide as it is, and has the dashes of a range and of a gap

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import SMALL, Result, outcome_of, started
from prepared import Prepared

from sweep.cli import cli
from sweep.execution import rounds
from sweep.results.manifest import make_manifest
from sweep.results.record import TrialKey
from sweep.results.store import Store
from sweep.training.predict import Step

Sweep = Callable[..., Result]

DASH = "\N{EN DASH}"
SHOWN = f"""\
How long can it remember?
So far, with 5 of 6 trials finished: with the best configuration found for each condition, the task is solved by 3 of 3\
 seeds (100%, 95% interval 29{DASH}100%) at sequence_length = 5 (units = 6, learning_rate = 0.003, timesteps = 1,\
 shuffle = false) and none of 3 seeds (95% interval 0{DASH}71%) at sequence_length = 6 (units = 5, learning_rate = 0.002,\
 timesteps = full, shuffle = true).

 sequence_length   trial   state      units   learning_rate   timesteps   shuffle   seeds   solve rate (95%)   recall accuracy (95%)   sequence accuracy   loss    chance   memoryless ceiling   epochs to solve (median)   sequences to solve (mean)   ERT (sequences) (95%)   solved by the margin   test loss below memoryless   recall bits   test loss   memoryless loss   ERT to keep (sequences) (95%)
 ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
 5                 2       complete   6       0.003           1           false     3       100% (29–100%)     100% (29–100%)          100%                0.344   20%      50%                  2                          5                           5 (2 to 19)             100%                   –                            1             0.25        –                 5 (2 to 19)
 5                 0       complete   4       0.001           1           true      3       67% (9–99%)        92% (56–100%)           83%                 0.2     20%      50%                  3                          5                           8 (4 to 57)             67%                    –                            0.833         0.167       –                 8 (4 to 57)
 5                 4       failed     8       0.005           1           false     3       –                  –                       –                   –       20%      50%                  –                          –                           –                       –                      –                            –             –           –                 –
 6                 1       complete   5       0.002           full        true      3       0% (0–71%)         75% (22–93%)            50%                 0.2     17%      50%                  –                          8                           >5                      0%                     –                            0.5           0.167       –                 >5
 6                 3       pruned     7       0.004           full        false     3       0% (0–71%)         67% (31–100%)           33%                 0.333   17%      50%                  –                          –                           –                       0%                     –                            0.333         0.25        –                 –

"""


def stripped(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n"))


# Help


@pytest.mark.parametrize("name", [None, *cli.commands])
def test_help_is_data_and_has_an_example(name: str | None, sweep_command: Sweep) -> None:
    result = sweep_command(*([name] if name else []), "--help")
    assert (result.code, result.err) == (0, "")
    assert f"Example:\n    sweep {name or ''}" in result.out


def test_the_short_help_option_is_the_long_one(sweep_command: Sweep) -> None:
    assert sweep_command("-h") == sweep_command("--help")


# Commands on stored results


def test_show_prints_the_question_and_the_accuracy_table(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("show", "small")
    assert (result.code, result.err) == (0, "")
    assert stripped(result.out) == SHOWN


def test_show_as_json_is_one_record_for_each_trial(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("show", "small", "--json")
    assert (result.code, result.err) == (0, "")
    rows = json.loads(result.out)
    assert [(row["sequence_length"], row["trial"]) for row in rows] == [(5, 2), (5, 0), (5, 4), (6, 1), (6, 3)]
    assert rows[0]["memoryless_ceiling"] == 0.5


def test_show_finds_the_trials_of_a_condition_that_is_a_list_of_sequences(tmp_path: Path, sweep_command: Sweep) -> None:
    text = 'question = "q"\n[task]\nname = "explicit"\nsequences = [["a", "b"]]\n'
    text += '[conditions]\nsequences = [[["a", "b"], ["b", "a"]], [["a", "c"]]]\n[study]\nseeds = 2\n'
    store = Store(tmp_path / "results" / "own")
    store.create(text, make_manifest(name="own", command=[], overrides={}))
    experiment = store.experiment()
    for trial, condition in enumerate(experiment.condition_settings):
        key = TrialKey(trial=trial, phase="search", condition=condition, parameters={})
        store.append(experiment, key, outcome_of([[0.0, 1.0]] * 2))
    rows = json.loads(sweep_command("show", "own", "--json").out)
    assert [(row["sequences"], row["trial"]) for row in rows] == [
        ("[['a', 'b'], ['b', 'a']]", 0),
        ("[['a', 'c']]", 1),
    ]


def test_show_says_that_no_trial_has_finished_and_what_to_do(small: Store, sweep_command: Sweep) -> None:
    for record in small.files():
        record.unlink()
    line = "No trial has finished yet, of 6; the same `sweep run` again goes on with it.\n"
    for name in ("small", "results/small"):
        assert sweep_command("show", name) == Result(0, f"How long can it remember?\n{line}", "")
    assert sweep_command("show", "small", "--json").out == "[]\n"


@pytest.mark.parametrize("arguments", [["confirm"], ["compare", "results/small"], ["predict", "--sequence", "3"]])
def test_what_needs_a_trial_that_has_finished_says_how_to_get_one(
    arguments: list[str], small: Store, sweep_command: Sweep
) -> None:
    for record in small.files():
        record.unlink()
    result = sweep_command(*arguments, "results/small")
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith("; the same `sweep run` again goes on with it\n")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_a_width_that_was_set_counts_without_a_terminal(
    columns: str, small: Store, sweep_command: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = sweep_command("show", "small").out.splitlines()
    assert int(columns) // 2 < max(map(len, lines)) <= int(columns)


@pytest.mark.parametrize("columns", ["", "0", "-3", "wide", "²", "9" * 5000])
def test_a_width_that_is_none_does_not_count(
    columns: str, small: Store, sweep_command: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_is = sweep_command("show", "small")
    monkeypatch.setenv("COLUMNS", columns)
    assert sweep_command("show", "small") == as_it_is


def test_list_says_how_far_each_experiment_has_come(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("list")
    assert (result.code, result.err) == (0, "")
    lines = [line.split(maxsplit=4) for line in result.out.split("\n")]
    assert ["small", "5", "of", "6", "How long can it remember? "] in lines


def test_list_as_json_has_one_record_for_each_experiment(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("list", "--json")
    assert json.loads(result.out) == [
        {
            "experiment": "small",
            "question": "How long can it remember?",
            "trials": 6,
            "finished": 5,
            "file": "experiments/small.toml",
        }
    ]


def test_list_shows_a_faulty_file_with_its_fault_among_the_others(small: Store, sweep_command: Sweep) -> None:
    Path("experiments/broken.toml").write_text("question = ")
    result = sweep_command("list", "--json")
    assert result.code == 0
    broken, whole = json.loads(result.out)
    assert broken["experiment"] == "broken"
    assert broken["question"].startswith("experiments/broken.toml: is not valid TOML")
    assert whole["experiment"] == "small"


def test_list_without_experiments_is_empty(sweep_command: Sweep) -> None:
    result = sweep_command("list", "--json")
    assert (result.code, json.loads(result.out)) == (0, [])


def test_results_may_lie_anywhere(small: Store, sweep_command: Sweep) -> None:
    small.path.parent.rename("elsewhere")
    assert sweep_command("show", "small", "--results", "elsewhere").code == 0
    assert sweep_command("show", "small").code == 2


def test_plan_counts_and_estimates(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("plan", "small")
    assert (result.code, result.err) == (0, "")
    counted, compiled, estimated, room = result.out.splitlines()
    assert counted == "2 studies, 6 trials, 18 replicates"
    # Of 16 programs that the search could ask for; how many steps an update has is its choice too.
    assert compiled == "about 396 updates (144 to 648), 6 compiled programs"
    assert estimated.startswith("about ")
    assert re.fullmatch(r"[\d,]+ MB would hold about [\d,]+ replicates side by side", room)


def test_plan_calls_its_time_the_most_where_solved_replicates_stop(sweep_command: Sweep) -> None:
    Path("stops.toml").write_text(SMALL.replace("epochs = 4", "epochs = 4\nstop_when_solved = true"))
    assert sweep_command("plan", "stops.toml").out.splitlines()[2].startswith("at most about ")


def test_plan_knows_what_neither_search_nor_success_decides(sweep_command: Sweep) -> None:
    head = 'question = "q"\n[task]\nname = "increasing"\n[training]\nepochs = 10\n'
    Path("known.toml").write_text(head)
    assert sweep_command("plan", "known.toml").out.splitlines()[1] == "800 updates, 1 compiled program"
    Path("stops.toml").write_text(head + "stop_when_solved = true\n")
    updates = sweep_command("plan", "stops.toml").out.splitlines()[1]
    assert updates == "at most 800 updates (at least 80), 1 compiled program"


def test_plan_as_json_holds_the_same_counts(small: Store, sweep_command: Sweep) -> None:
    plan = json.loads(sweep_command("plan", "small", "--json").out)
    assert (plan["studies"], plan["trials"], plan["replicates"], plan["updates"]) == (2, 6, 18, 396)
    assert (plan["updates_low"], plan["updates_high"]) == (144, 648)
    assert plan["seconds"] > 0


@pytest.mark.parametrize("refused", [False, True])
def test_plan_as_json_says_too_why_a_run_would_be_refused(refused: bool, sweep_command: Sweep) -> None:
    longer = SMALL.replace("epochs = 4", "epochs = 10_000_000").replace("trials = 3", "trials = 50_000")
    Path("small.toml").write_text(longer if refused else SMALL)
    told = json.loads(sweep_command("plan", "small.toml", "--json").out)["refused"]
    assert len(told) == refused
    assert [f"`sweep run` {fault}" for fault in told] == sweep_command("plan", "small.toml").err.splitlines()


def test_plan_writes_nothing(tmp_path: Path, sweep_command: Sweep) -> None:
    Path("experiments").mkdir()
    Path("experiments/small.toml").write_text(SMALL)
    assert sweep_command("plan", "small").code == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["experiments", "small.toml"]


def test_an_experiment_is_named_by_its_path_too(small: Store, sweep_command: Sweep) -> None:
    assert sweep_command("plan", "experiments/small.toml") == sweep_command("plan", "small")


def test_schema_prints_the_json_schema(sweep_command: Sweep) -> None:
    result = sweep_command("schema")
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(("table", "rows"), [("trials", 5), ("replicates", 12), ("curves", 37), ("steps", 48)])
def test_export_prints_each_table_with_every_row(table: str, rows: int, small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("export", "small", "--table", table)
    assert (result.code, result.err) == (0, "")
    assert len(list(csv.DictReader(io.StringIO(result.out)))) == rows


def test_export_prints_trials_as_csv_unless_told_otherwise(small: Store, sweep_command: Sweep) -> None:
    explicit = sweep_command("export", "small", "--table", "trials", "--format", "csv")
    assert sweep_command("export", "small") == explicit


def test_export_writes_to_a_file_and_prints_nothing(small: Store, sweep_command: Sweep) -> None:
    printed = sweep_command("export", "small", "--format", "json").out
    result = sweep_command("export", "small", "--format", "json", "-o", "trials.json")
    assert result == Result(0, "", "")
    assert Path("trials.json").read_text() == printed


def test_export_writes_parquet_that_equals_the_results(small: Store, sweep_command: Sweep) -> None:
    sweep_command("export", "small", "--table", "curves", "--format", "parquet", "-o", "curves.parquet")
    assert pq.read_table("curves.parquet").to_pandas().equals(small.load().curves)


def test_export_writes_into_a_pipe_instead_of_replacing_it(small: Store, sweep_command: Sweep) -> None:
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert sweep_command("export", "small", "-o", "pipe").code == 0
        assert Path("pipe").is_fifo()
        assert os.read(reader, 11) == b"experiment,"
    finally:
        os.close(reader)


@pytest.mark.slow
def test_report_prints_the_path_of_the_page_that_it_wrote(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("report", "small")
    assert (result.code, result.out) == (0, "results/small/report/index.html\n")
    assert "How long can it remember?" in Path(result.out.strip()).read_text()


# As a process of its own


def test_help_loads_neither_numpy_nor_pydantic() -> None:
    code = "import sys, sweep.cli; assert not {'numpy', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--help", 0),
        ("schema", 0),
        ("list", 0),
        ("plan small", 0),
        ("init mine", 0),
        ("show small", 0),
        ("report small", 0),
        ("export small --table curves", 0),
        ("compare small small", 0),
        ("compare small --by shuffle", 0),
        ("confirm nothing", 2),
        ("predict small --sequence 9", 2),
        ("predict small --sequence 3 --trial 77", 2),
        ("run nothing", 2),
    ],
)
def test_tensorflow_is_loaded_only_by_what_trains_or_predicts(
    arguments: str, code: int, small: Store, tmp_path: Path, prepared_reader: Prepared
) -> None:
    done = prepared_reader.start(arguments.split(), tmp_path)
    assert done.wait() == code, done.err
    assert "Traceback" not in done.err


def test_the_module_is_the_command(small: Store, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sweep", "list", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300)
    assert json.loads(done.stdout)[0]["experiment"] == "small"


def test_a_reader_that_goes_away_is_told_nothing(small: Store, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "sweep", "export", "small", "--table", "curves"]
        done = subprocess.run(
            command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, timeout=300
        )
    finally:
        os.close(writer)
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
@pytest.mark.parametrize("arguments", [["schema"], ["list"], ["show", "small"], ["export", "small"]])
def test_output_that_does_not_fit_on_the_disk_is_one_line(arguments: list[str], small: Store, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sweep", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=300
        )
    assert done.returncode == 1
    assert done.stderr == "Error: output: the disk is full; what was stored before is kept\n"


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(
    small: Store, sweep_command: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "load", interrupted)
    result = sweep_command("show", "small")
    assert (result.code, result.out) == (130, "")
    assert result.err.strip() == "Stopped. Finished trials are kept: the same command goes on from here."


@pytest.mark.parametrize(("told", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize(("command", "trains"), [("run", "run_experiment"), ("confirm", "confirm_experiment")])
def test_a_signal_that_ends_a_process_ends_run_and_confirm_alike(
    command: str,
    trains: str,
    told: signal.Signals,
    status: int,
    small: Store,
    tmp_path: Path,
    sweep_command: Sweep,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_told(*_: object) -> None:
        os.kill(os.getpid(), told)
        time.sleep(5)

    monkeypatch.setattr(rounds, trains, is_told)
    heard = signal.signal(told, signal.SIG_DFL)  # also where the tests run deaf to a hang-up, as under nohup
    (tmp_path / "small.toml").write_text((small.path / "experiment.toml").read_text())
    result = sweep_command(command, "small.toml" if command == "run" else "small")
    signal.signal(told, heard)
    assert result.code == status
    assert result.err.endswith("Stopped. Finished trials are kept: the same command goes on from here.\n")


@pytest.mark.parametrize(("told", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize(
    "command",
    [
        *("confirm small", "report small", "show small", "export small", "compare small small"),
        *("predict small --example", "dashboard small", "list", "bench"),
    ],
)
def test_a_signal_is_answered_from_the_start_of_any_command(
    command: str,
    told: signal.Signals,
    status: int,
    small: Store,
    sweep_command: Sweep,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_told(*_: object, **__: object) -> None:
        os.kill(os.getpid(), told)
        time.sleep(5)

    monkeypatch.setattr(Store, "manifest", is_told)
    monkeypatch.setattr(Store, "files", is_told)
    monkeypatch.setattr("sweep.search.dashboard.show_dashboard", is_told)
    monkeypatch.setattr("sweep.benchmark.measure.measure", is_told)
    (small.path / "study.db").touch()
    result = sweep_command(*command.split())
    assert result.code == status
    assert result.err.endswith("Stopped. Finished trials are kept: the same command goes on from here.\n")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["report small", "show small"])
def test_what_nohup_starts_does_not_heed_a_hang_up(command: str, small: Store, tmp_path: Path) -> None:
    nohup = (
        "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.executable, sys.argv[1:])"
    )
    arguments = [sys.executable, "-c", nohup, sys.executable, "-m", "sweep", *command.split()]
    with started(arguments, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        time.sleep(0.5)  # now it is deaf
        while process.poll() is None:
            process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        assert process.stderr is not None
        assert (process.returncode, process.stderr.read()) == (0, b"")


def test_list_shows_results_whose_file_is_gone_and_files_that_never_ran(small: Store, sweep_command: Sweep) -> None:
    Path("experiments/new.toml").write_text(SMALL.replace("How long can it remember?", "Never run?"))
    Path("experiments/small.toml").unlink()
    listed = sweep_command("list", "--json")
    rows = {row["experiment"]: row for row in json.loads(listed.out)}
    assert (rows["new"]["finished"], rows["new"]["file"]) == (0, "experiments/new.toml")
    assert (rows["small"]["finished"], rows["small"]["trials"], rows["small"]["file"]) == (5, 6, None)
    assert rows["small"]["question"] == "How long can it remember?"
    assert "Only results, no file in experiments: small" in sweep_command("list").err


def test_an_experiment_whose_file_ends_in_capitals_is_listed_and_found_by_its_name(
    small: Store, sweep_command: Sweep
) -> None:
    Path("experiments/Loud.TOML").write_text(SMALL)
    Path("experiments/small.toml").rename("experiments/small.Toml")
    rows = {row["experiment"]: row for row in json.loads(sweep_command("list", "--json").out)}
    assert {name: row["file"] for name, row in rows.items()} == {
        "Loud": "experiments/Loud.TOML",
        "small": "experiments/small.Toml",
    }
    assert rows["small"]["finished"] == 5
    assert sweep_command("plan", "Loud") == sweep_command("plan", "experiments/Loud.TOML")
    assert sweep_command("plan", "Loud").code == 0
    assert sweep_command("init", "Loud").code == 2


def test_an_empty_list_says_where_it_looked(sweep_command: Sweep) -> None:
    result = sweep_command("list")
    assert (result.code, result.out) == (0, "")
    assert str(Path("experiments").absolute()) in result.err
    assert str(Path("results").absolute()) in result.err


def test_a_results_folder_that_is_named_and_not_there_is_an_error(sweep_command: Sweep) -> None:
    assert sweep_command("list", "--results", "nosuch") == Result(2, "", "Error: --results: nosuch is no folder\n")


def test_a_slip_in_a_name_is_answered_with_the_nearest_one(small: Store, sweep_command: Sweep) -> None:
    line = 'Error: results: has no results of "smal"; did you mean "small"?\n'
    assert sweep_command("show", "smal") == Result(2, "", line)


def test_results_are_shown_by_their_path_as_by_their_name(small: Store, sweep_command: Sweep) -> None:
    assert sweep_command("show", "results/small") == sweep_command("show", "small")


def test_a_folder_named_by_its_path_is_confirmed_where_it_lies(
    small: Store, sweep_command: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def confirmed(run: rounds.Run, *_: object) -> Store:
        asked.append(run.results / run.name)
        return small

    monkeypatch.setattr(rounds, "confirm_experiment", confirmed)
    sweep_command("confirm", "results/small", "--results", "elsewhere")
    assert asked == [Path("results/small")]


# Predictions


def test_a_prediction_has_its_probability_and_a_close_runner_up(
    small: Store, sweep_command: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    sure = Step(shown="3", predicted="0", came="0", own=False, output=0.981, runner_up="4", next_output=0.3)
    close = Step(shown="0", predicted="3", came=None, own=False, output=0.50571, runner_up="4", next_output=0.4683)
    monkeypatch.setattr("sweep.training.predict.predict", lambda *_: [sure, close])
    monkeypatch.setattr("sweep.training.predict.check_weights", lambda *_: None)
    result = sweep_command("predict", "small", "--sequence", "3 0", "--trial", "0")
    assert (result.code, result.err) == (0, "trial 0, seed 0\n")
    assert result.out == "X=3.0 y=0.0, yhat=0.0 (p=0.98)\nX=0.0 yhat=3.0 (p=0.5057, next 4.0 p=0.4683)\n"


def test_an_example_is_shown_but_for_its_last_symbol_which_is_what_comes(
    small: Store, sweep_command: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("sweep.training.predict.predict", lambda *arguments: asked.append(arguments[2:]) or [])
    monkeypatch.setattr("sweep.training.predict.check_weights", lambda *_: None)
    result = sweep_command("predict", "small", "--example", "--seed", "1", "--trial", "0", "--steps", "2")
    assert result.code == 0
    ((shown, steps, then),) = asked
    assert (shown[1:], steps) == (["0", "1", "2"], 2)
    assert then == shown[0]
    assert result.err == f"trial 0, seed 0\nexample: {then} 0 1 2 {then}\n"


def test_answer_prints_the_sentence_alone(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("answer", "small")
    assert (result.code, result.err) == (0, "")
    assert result.out.strip() in SHOWN
    assert sweep_command("answer", "small").out == result.out
    found = json.loads(sweep_command("answer", "small", "--json").out)
    assert found["sentence"] == result.out.strip()
    assert (found["question"], found["kind"], found["metric"]) == ("How long can it remember?", "best", "recall_bits")
    assert [(row["condition"], row["trial"]) for row in found["rows"]] == [
        ({"sequence_length": 5}, 2),
        ({"sequence_length": 6}, 1),
    ]


def test_show_sorts_by_a_column_and_chooses_columns(small: Store, sweep_command: Sweep) -> None:
    rows = json.loads(sweep_command("show", "small", "--json", "--sort", "units", "--columns", "trial,units").out)
    assert [list(row) for row in rows] == [["trial", "units"]] * 5
    assert [row["units"] for row in rows] == sorted(row["units"] for row in rows)
    best_first = json.loads(sweep_command("show", "small", "--json", "--sort", "solve_rate").out)
    rates = [row["solve_rate"] for row in best_first if row["solve_rate"] is not None]
    assert rates == sorted(rates, reverse=True)
    shown = sweep_command("show", "small", "--columns", "trial, solve_rate").out
    assert "solve rate (95%)" in shown
    assert "units" not in "".join(shown.splitlines()[2:])  # behind question and answer
    for option in ("--sort", "--columns"):
        refused = sweep_command("show", "small", option, "unitz")
        assert (refused.code, refused.out) == (2, "")
        assert f'{option}: unknown column "unitz"; did you mean "units"?' in refused.err


@pytest.mark.slow
def test_a_changed_answer_is_stored_and_nothing_is_trained(tmp_path: Path, sweep_command: Sweep) -> None:
    file = tmp_path / "asked.toml"
    text = 'question = "How often?"\n[task]\nname = "increasing"\n[training]\nepochs = 2\n[study]\nseeds = 3\n'
    text += "[search]\nshuffle = { choices = [false, true] }\n"
    text = text.replace("seeds = 3", 'seeds = 3\nsampler = "grid"')
    file.write_text(text)
    assert sweep_command("run", "asked.toml").code == 0
    records = {path: path.stat().st_mtime_ns for path in (tmp_path / "results/asked/trials").iterdir()}
    file.write_text(text.replace("How often?", "Which is best?") + "[answer]\nbest = true\n")
    assert sweep_command("run", "asked.toml").code == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "results/asked/trials").iterdir()} == records
    found = json.loads(sweep_command("answer", "asked", "--json").out)
    assert (found["question"], found["kind"], found["taken_for"]) == ("Which is best?", "best", None)
    assert found["sentence"] in " ".join((tmp_path / "results/asked/report/report.md").read_text().split())


@pytest.mark.parametrize("option", ["export small -o", "compare small:0 small:2 --html"])
def test_what_a_command_writes_never_takes_the_place_of_stored_results(
    option: str, small: Store, sweep_command: Sweep
) -> None:
    record = small.files()[0].relative_to(Path.cwd())
    for target, said in {
        "results/small/manifest.json": "is a part of stored results",
        "results/small/study.db": "is a part of stored results",
        str(record): "is a part of stored results",
        "": "is empty; name a file",
        "nosuch/x": "nosuch is no folder",
    }.items():
        before = {path: path.read_bytes() for path in small.path.rglob("*") if path.is_file()}
        result = sweep_command(*option.split(), target)
        assert (result.code, result.out, result.err.count("\n")) == (2, "", 1), target
        assert said in result.err
        assert {path: path.read_bytes() for path in small.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["show", "report", "confirm", "export", "run experiments/small.toml --results"])
def test_records_that_are_no_folder_are_told_in_one_line(command: str, small: Store, sweep_command: Sweep) -> None:
    shutil.rmtree(small.path / "trials")
    (small.path / "trials").write_text("x")
    result = sweep_command(*command.split(), "results" if command.startswith("run") else "small")
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert "results/small/trials: is no folder; restore it" in result.err
