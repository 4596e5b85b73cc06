"""The README's commands do what it says, in a folder that holds nothing but the experiments."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import with_caches_in

import sweep
from sweep.cli import cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def readme_commands() -> list[str]:
    """The lines after a prompt in the README's console blocks, in order, each once."""
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return list(dict.fromkeys(lines))


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in `folder`, with an empty folder there for the programs that it compiles."""
    shell = command.replace("sweep ", f"{sys.executable} -m sweep ", 1)
    variables = with_caches_in(folder / "caches")
    return subprocess.run(
        shell, shell=True, cwd=folder, capture_output=True, text=True, check=False, env=variables, timeout=300
    )


@pytest.mark.slow
def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    commands = readme_commands()
    assert len(commands) >= 10
    printed, programs = {}, {}
    for command in commands:
        done = run(command, tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert "Traceback" not in done.stderr
        printed[command] = done.stdout
        programs[command] = len(list((tmp_path / "caches" / "sweep").rglob("*.pb")))
    steps = printed['sweep predict tutorial --sequence "3 0 1 2" --steps 4'].splitlines()
    assert len(steps) == 8
    assert steps[0] == "X=3.0 y=0.0, yhat=0.0 (p=0.98)"
    assert re.fullmatch(r"X=2.0 yhat=3.0 \(p=0\.\d{4}, next 4.0 p=0\.\d{4}\)", steps[3])
    assert "1 study, 50 trials, 500 replicates" in printed["sweep plan tuning"]
    assert (tmp_path / "results" / "tutorial" / "report" / "index.html").is_file()
    assert len((tmp_path / "curves.csv").read_text().splitlines()) > 500
    tutorial = sweep.load(tmp_path / "results" / "tutorial")
    assert tutorial.replicates["seed"].tolist() == list(range(64))
    assert len(sweep.load(tmp_path / "results" / "tuning").trials) == 50 + 3
    compiled = programs["sweep run tuning"] - programs["sweep plan tuning"]
    assert 1 <= compiled <= 8
    assert f" {compiled} compiled programs" in printed["sweep plan tuning"]


SMALL = """
question = "Who listens?"
[task]
name = "increasing"
[training]
epochs = 5
[search]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
[study]
trials = 2
seeds = 2
"""


@pytest.mark.slow
def test_the_clusters_of_the_readme_speak_tls_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    assert block.count("8786") == 3
    assert block.endswith("\nsweep run tuning --cluster tls://localhost:8786\n")
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "small.toml").write_text(SMALL)
    script = "set -e\ntrap 'kill $(jobs -p)' EXIT\n" + block.replace("8786", port).replace(
        " &\n", " 2>/dev/null &\n"
    ).replace("tuning", "small")
    script += f"python -m sweep run small --results plain --cluster tcp://localhost:{port} || echo refused\n"
    variables = with_caches_in()
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), variables["PATH"]])
    command = ["bash", "-c", script]
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert len(sweep.load(tmp_path / "results" / "small").trials) == 2
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
    assert done.stdout.endswith("refused\n"), "nobody is heard without a certificate"
    assert done.stderr.endswith(
        f"Error: --cluster: tcp://localhost:{port} is not encrypted, and DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION "
        "asks for that; give the scheduler's tls:// address\n"
    )
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "plain").exists()


def test_the_readme_names_every_command() -> None:
    assert cli.commands
    for name in cli.commands:
        assert f"`sweep {name}" in README, name


def test_every_command_has_help_with_an_example() -> None:
    for name, command in cli.commands.items():
        assert command.help is not None
        assert re.search(rf"Example:\n +sweep {name}\b", command.help), name


def test_the_readmes_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in ("run", "test", "install", "lint"):
        assert f"\n{target}:" in makefile
    assert "make run" in README
    assert "make test" in README


def test_the_map_names_every_room() -> None:
    """A room that is not on the map is one that a newcomer will not find."""
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(), flags=re.MULTILINE)
    named = {name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)}
    found = {path.parent.name for path in (ROOT / "sweep").glob("*/__init__.py")}
    found |= {path.name for path in (ROOT / "sweep").glob("*.py")} - {"__init__.py", "__main__.py"}
    assert found <= named
    assert all((ROOT / "sweep" / name).exists() for name in named)


def test_every_room_says_what_to_open_first() -> None:
    for room in (ROOT / "sweep").rglob("*/__init__.py"):
        named = re.findall(r"`(\w+\.py)`", room.read_text())
        assert named, room
        assert all((room.parent / name).is_file() for name in named), room


def test_the_experiment_in_the_readme_is_the_one_that_is_shipped() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", README, flags=re.DOTALL)
    assert block == (ROOT / "experiments" / "tuning.toml").read_text()


@pytest.mark.parametrize("command", ["--help", "list", "plan tutorial", "schema"])
def test_a_command_that_does_not_train_leaves_tensorflow_alone(command: str) -> None:
    code = (
        "import sys\n"
        f"sys.argv = ['sweep', *{command.split()!r}]\n"
        "from sweep.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules), 'TensorFlow was imported'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
