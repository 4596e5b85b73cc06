"""Wrong input and broken disks: one clear line, the right exit code, and nothing lost or half written."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import SMALL, Result, outcome_of

from sweep.errors import RunError
from sweep.execution.rounds import Run
from sweep.results.record import TrialKey
from sweep.results.store import Store

Sweep = Callable[..., Result]


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_refused(result: Result, line: str, code: int = 2) -> None:
    assert result == Result(code, "", f"Error: {line}\n")


# Usage


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walk"], "No such command 'walk'."),
        (["show"], "Missing argument 'NAME'."),
        (["run"], "Missing argument 'FILE...'."),
        (["init"], "Missing argument 'NAME'."),
        (["show", "small", "--jsn"], "No such option '--jsn'."),
        (["run", "small", "--trials", "0"], "Invalid value for '--trials': 0 is not in the range x>=1."),
        (["run", "small", "--seeds", "many"], "Invalid value for '--seeds': 'many' is not a valid integer range."),
        (["run", "small", "--trainer", "slow"], "Invalid value for '--trainer': 'slow' is not one of 'fused', 'fit'."),
        (["export", "small", "--table", "x"], "Invalid value for '--table': 'x' is not one of 'trials',"),
        (["export", "small", "--format", "xls"], "Invalid value for '--format': 'xls' is not one of 'csv',"),
        (["export", "small", "-o", "results"], "Invalid value for '-o' / '--output': File 'results' is a directory."),
        (["predict", "small", "--example", "--seed", "-1"], "Invalid value for '--seed': -1 is not in the range x>=0."),
        (["predict", "small", "--sequence", "3", "--steps", "-1"], "Invalid value for '--steps': -1 is not in the"),
    ],
)
def test_a_usage_error_ends_with_2_and_says_what_is_wrong(
    arguments: list[str], message: str, small: Store, sweep_command: Sweep
) -> None:
    before = everything(small.path)
    result = sweep_command(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Usage: ")
    assert f"Error: {message}" in result.err
    assert everything(small.path) == before


# Names and files


@pytest.mark.parametrize("command", ["run", "plan"])
def test_an_experiment_that_is_not_there_says_how_to_find_the_others(command: str, sweep_command: Sweep) -> None:
    line = "experiments/lost.toml: no such file; `sweep list` names the experiments that there are"
    assert_refused(sweep_command(command, "lost"), line)


@pytest.mark.parametrize("arguments", [["show"], ["report"], ["export"], ["predict", "--sequence", "3"]])
def test_results_that_are_not_there_say_how_to_make_them_where_there_is_a_way(
    arguments: list[str], sweep_command: Sweep
) -> None:
    assert_refused(
        sweep_command(*arguments, "lost"), 'results: has no results of "lost"; `sweep list` names what there is'
    )
    Path("experiments").mkdir()
    Path("experiments/lost.TOML").write_text(SMALL)
    makes = "results/lost: holds no results; `sweep run lost` makes them"
    assert_refused(sweep_command(*arguments, "lost"), makes)
    elsewhere = "else/lost: holds no results; `sweep run lost --results else` makes them"
    assert_refused(sweep_command(*arguments, "lost", "--results", "else"), elsewhere)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nosuch", 'results: has no results of "nosuch"; there are those of small'),
        ("Smal", 'results: has no results of "Smal"; did you mean "small"?'),
        ("othr", 'results: has no results of "othr"; did you mean "Other"?'),
        ("results/", "results/: holds no results; there are those of results/small"),
        ("results/smal", 'results/smal: holds no results; did you mean "results/small"?'),
        ("../..", "../..: holds no results; `sweep list` names what there is"),
        ("./" + "d/" * 3000, "./" + "d/" * 3000 + ": holds no results; `sweep list` names what there is"),
    ],
)
def test_where_nothing_is_what_there_is_is_said(name: str, said: str, small: Store, sweep_command: Sweep) -> None:
    Path("experiments/Other.toml").write_text(SMALL)
    assert_refused(sweep_command("show", name), said)


def test_letters_of_any_language_are_shown_as_they_were_written(sweep_command: Sweep) -> None:
    Path("é.toml").write_text(SMALL)
    assert sweep_command("plan", "é.toml").err.startswith('Error: "é" is no name for an experiment; use letters')


@pytest.mark.parametrize("name", ["..", "two words", ".hidden", ""])
@pytest.mark.parametrize("arguments", [["show"], ["report"], ["export"], ["predict", "--sequence", "3"]])
def test_a_name_that_leads_elsewhere_is_refused(
    arguments: list[str], name: str, small: Store, sweep_command: Sweep
) -> None:
    result = sweep_command(*arguments, name)
    assert_refused(
        result,
        f"\"{name}\" is no name for an experiment; use letters, digits, '-', '_' and '.', "
        "at most 100 of them, a letter or a digit first",
    )


def test_an_experiment_file_whose_name_cannot_be_a_folder_is_refused(sweep_command: Sweep) -> None:
    Path("two words.toml").write_text(SMALL)
    result = sweep_command("run", "two words.toml")
    assert result.code == 2
    assert result.err.startswith('Error: "two words" is no name for an experiment; use letters')
    assert not Path("results").exists()


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"question = ", "is not valid TOML: Invalid value (at end of document)"),
        (b"\x7fELF\x00\xff\xfe", "is not a text file; an experiment is written in TOML, in UTF-8"),
        (SMALL.replace("epochs", "epoch").encode(), 'training: unknown key "epoch"; did you mean "epochs"? (line 11)'),
        (
            SMALL.replace("epochs = 4", "batch_size = 3").encode(),
            "training.batch_size: is 3, which does not divide the 2 sequences; must be one of: 1, 2 "
            "(where sequence_length = 5) (line 11)",
        ),
        (
            SMALL.replace("epochs = 4", 'optimizer = "Adm"').encode(),
            'training.optimizer: is "Adm"; must be "adam", "rmsprop" or "sgd"; did you mean "adam"? (line 11)',
        ),
        (
            SMALL.replace("epochs = 4", f"epochs = {'9' * 5000}").encode(),
            "has a number of thousands of digits; whole numbers must fit into 64 bits",
        ),
        (
            SMALL.replace("epochs = 4", f"batch_size = 0x{'f' * 5000}").encode(),
            "training.batch_size: is a whole number of 20000 bits; whole numbers must fit into 64 bits (line 11)",
        ),
    ],
    ids=[
        "malformed",
        "binary",
        "unknown key",
        "impossible",
        "misspelt choice",
        "5000 digits",
        "5000 hexadecimal digits",
    ],
)
def test_a_faulty_file_is_refused_before_anything_is_written(
    command: str, content: bytes, message: str, tmp_path: Path, sweep_command: Sweep
) -> None:
    Path("x.toml").write_bytes(content)
    result = sweep_command(command, "x.toml")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"Error: x.toml: {message}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["x.toml"]


def test_a_byte_order_mark_in_front_is_none_of_the_text(sweep_command: Sweep) -> None:
    Path("x.toml").write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert sweep_command("plan", "x.toml").code == 0


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch, small: Store) -> list[Run]:
    """What `sweep run` would run, in the place of a training; each file is edited once the first begins."""
    ordered: list[Run] = []

    def run_nothing(order: Run, *_: object) -> Store:
        ordered.append(order)
        for file in Path().glob("*.toml"):
            file.write_text(SMALL.replace("epochs = 4", "epochs = 5000"))
        return small

    monkeypatch.setattr("sweep.execution.rounds.run_experiment", run_nothing)
    monkeypatch.setattr("sweep.cli.training._finish", lambda loaded: True)
    return ordered


def test_what_was_checked_is_run_and_stored_whatever_becomes_of_the_file_meanwhile(
    orders: list[Run], sweep_command: Sweep
) -> None:
    for file in ("a.toml", "b.toml"):
        Path(file).write_text(SMALL)
    assert sweep_command("run", "a.toml", "b.toml").code == 0
    assert [(order.name, order.text, order.experiment.training.epochs) for order in orders] == [
        ("a", SMALL, 4),
        ("b", SMALL, 4),
    ]


def test_a_file_that_can_be_read_only_once_is_stored_as_it_was_run(orders: list[Run], sweep_command: Sweep) -> None:
    reader, writer = os.pipe()
    os.write(writer, SMALL.encode())
    os.close(writer)
    assert sweep_command("run", f"/dev/fd/{reader}").code == 0
    os.close(reader)
    assert [order.text for order in orders] == [SMALL]


def test_one_faulty_file_among_several_stops_all_before_the_first_runs(sweep_command: Sweep, tmp_path: Path) -> None:
    Path("good.toml").write_text(SMALL)
    result = sweep_command("run", "good.toml", "bad.toml")
    assert_refused(result, "bad.toml: no such file; `sweep list` names the experiments that there are")
    assert [path.name for path in tmp_path.iterdir()] == ["good.toml"]


def test_a_folder_is_no_experiment_file(sweep_command: Sweep) -> None:
    Path("x.toml").mkdir()
    line = "x.toml: is a folder; give an experiment file, tutorial.toml for example"
    assert_refused(sweep_command("plan", "x.toml"), line)


@pytest.mark.slow
def test_a_changed_experiment_file_is_refused_and_the_results_are_kept(small: Store, sweep_command: Sweep) -> None:
    before = everything(small.path)
    Path("experiments/small.toml").write_text(SMALL.replace("epochs = 4", "epochs = 5"))
    assert_refused(
        sweep_command("run", "small"),
        "results/small: holds the results of another version of this experiment: training.epochs: was 4, is 5. "
        "Undo the change, or give the changed file a new name, or remove the old results",
    )
    after = everything(small.path)
    assert {path: after[path] for path in before} == before
    assert after.keys() - before.keys() <= {small.path / ".lock"}


# Predictions


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], 'predict: give --sequence "3 0 1 2", symbols to show, or else --example, one of the task\'s own'),
        (
            ["--sequence", "3", "--example"],
            'predict: give --sequence "3 0 1 2", symbols to show, or else --example, one of the task\'s own',
        ),
        (["--sequence", "3", "--seed", "1"], "--seed: chooses the sequence of --example, which is not given"),
        (["--sequence", "3 0 9"], '--sequence: "9" is no symbol of this task; its alphabet is: 0 1 2 3 4'),
        (["--sequence", "3 0 \x1b[2J"], '--sequence: "\\x1b[2J" is no symbol of this task; its alphabet is: 0 1 2 3 4'),
        (["--sequence", " "], '--sequence: is empty; give symbols with spaces between them, "3 0 1 2" for example'),
        (["--sequence", "3", "--trial", "7"], "small: has no trial 7; trials 0 to 4 are there"),
        (["--sequence", "3", "--trial", "-1"], "small: has no trial -1; trials 0 to 4 are there"),
        (["--sequence", "3", "--trial", "4"], "small: trial 4 failed and kept no weights; choose another"),
    ],
)
def test_a_prediction_that_cannot_be_made_is_one_line(
    arguments: list[str], line: str, small: Store, sweep_command: Sweep
) -> None:
    assert_refused(sweep_command("predict", "small", *arguments), line)


def test_a_prediction_without_a_complete_trial_says_what_to_do(small: Store, sweep_command: Sweep) -> None:
    for trial in (0, 1, 2):
        (small.path / "trials" / f"{trial:06d}-search.parquet").unlink()
    line = "small: has no complete trial yet; the same `sweep run` again goes on with it"
    assert_refused(sweep_command("predict", "small", "--sequence", "3"), line)


# Damage


@pytest.mark.parametrize("arguments", [["show"], ["report"], ["export"], ["predict", "--sequence", "3"]])
def test_a_damaged_record_is_named_by_whatever_reads_it(
    arguments: list[str], small: Store, sweep_command: Sweep
) -> None:
    path = small.path / "trials" / "000001-search.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    before = everything(small.path)
    result = sweep_command(*arguments, "small")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Error: results/small/trials/000001-search.parquet: is damaged (")
    assert result.err.count("\n") == 1
    assert everything(small.path) == before


@pytest.mark.slow
def test_a_run_stops_at_a_damaged_record_and_keeps_the_others(small: Store, sweep_command: Sweep) -> None:
    path = small.path / "trials" / "000001-search.parquet"
    path.write_bytes(b"")
    before = everything(small.path / "trials")
    result = sweep_command("run", "small")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Error: results/small/trials/000001-search.parquet: is damaged (")
    assert everything(small.path / "trials") == before


def test_an_experiment_file_that_is_gone_from_the_results_is_named(small: Store, sweep_command: Sweep) -> None:
    (small.path / "experiment.toml").unlink()
    result = sweep_command("show", "small")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Error: results/small/experiment.toml: no such file")


def test_a_folder_or_a_file_of_any_name_is_listed_in_a_line_of_its_own(small: Store, sweep_command: Sweep) -> None:
    (small.path / "experiment.toml").rename("experiments/b\x1b[31m\nc.toml")
    small.path.rename(small.path.with_name("d\x1b[31m\ne"))
    Path("experiments/f\ng.toml").write_text("x")
    result = sweep_command("list")
    assert result.code == 0
    assert "\x1b" not in result.out + result.err
    rows = result.out.splitlines()[3:-1]
    assert [row.split()[0] for row in rows] == ["b\\x1b[31m\\nc", "f\\ng", "small", "d\\x1b[31m\\ne"]
    assert "experiments/f\\ng.toml: is not valid TOML" in rows[1]
    assert result.err == "Only results, no file in experiments: d\\x1b[31m\\ne\n"


# Disks that refuse


@pytest.mark.slow
def test_a_results_folder_that_cannot_be_made_is_one_line(small: Store, sweep_command: Sweep) -> None:
    Path("file").write_text("")
    line = "file/x/small: cannot be written: Not a directory; choose another folder with --results"
    assert_refused(sweep_command("run", "small", "--results", "file/x"), line, code=1)


@pytest.mark.parametrize("folder", ["file", "nowhere"])
def test_an_export_into_what_is_no_folder_is_one_line(folder: str, small: Store, sweep_command: Sweep) -> None:
    Path("file").write_text("")
    line = f"-o: {folder} is no folder; choose a file in one that is there"
    assert_refused(sweep_command("export", "small", "-o", f"{folder}/x.csv"), line)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True, check=False, timeout=300).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    # Lazily: a storage that was refused may be open until the garbage is collected.
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=300)


def test_a_full_disk_keeps_every_record_that_was_finished(small: Store, tiny_disk: Path) -> None:
    experiment = small.experiment()
    store = Store(tiny_disk / "small")
    store.create(SMALL, small.manifest())
    parameters = {"units": 1, "learning_rate": 0.1, "timesteps": 1, "shuffle": True}
    finished, refused = 0, ""
    while not refused and finished < 20:
        condition = experiment.condition_settings[finished % 2]
        key = TrialKey(trial=finished, phase="search", condition=condition, parameters=parameters)
        try:
            store.append(experiment, key, outcome_of([[1.0]] * 3))
            finished += 1
        except RunError as error:
            refused = str(error)
    assert refused.endswith("cannot be written: No space left on device; what was stored before is kept")
    assert finished > 0
    assert store.load().trials["trial"].tolist() == list(range(finished))
    assert not list(tiny_disk.rglob(".writing-*"))


def test_an_export_to_a_full_disk_leaves_nothing_there(small: Store, tiny_disk: Path, sweep_command: Sweep) -> None:
    (tiny_disk / "filler").write_bytes(b"\0" * 60 * 1024)
    output = str(tiny_disk / "steps.json")
    result = sweep_command("export", "small", "--table", "steps", "--format", "json", "-o", output)
    line = f"{output}: cannot be written: No space left on device; what was stored before is kept"
    assert_refused(result, line, code=1)
    assert [path.name for path in tiny_disk.iterdir()] == ["filler"]


@pytest.mark.slow
def test_a_run_on_a_full_disk_fails_in_one_line(small: Store, tiny_disk: Path, sweep_command: Sweep) -> None:
    result = sweep_command("run", "small", "--results", str(tiny_disk))
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: ")
    assert "full" in result.err
    assert result.err.count("\n") == 1


@pytest.mark.slow
def test_a_report_on_a_full_disk_fails_in_one_line_and_keeps_the_records(
    small: Store, tiny_disk: Path, sweep_command: Sweep
) -> None:
    copy = tiny_disk / "small"
    (copy / "trials").mkdir(parents=True)
    for name in ("experiment.toml", "manifest.json", "trials/000000-search.parquet"):
        shutil.copy(small.path / name, copy / name)
    before = everything(copy)
    result = sweep_command("report", "small", "--results", str(tiny_disk))
    assert (result.code, result.out) == (1, "")
    assert "No space left on device" in result.err
    assert result.err.count("\n") == 1
    after = everything(copy)
    assert {path: after[path] for path in before} == before
