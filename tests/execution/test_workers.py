"""Workers train what the coordinator gives them: the tables are the same with any number of them."""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import dask
import distributed
import numpy as np
import pytest
from conftest import started
from same_tables import assert_same_tables
from searched import copies, run
from stubs import Stub, StubWorkers, leaking_training

import sweep
from sweep.errors import RunError, SweepError
from sweep.execution.cluster import cluster_workers
from sweep.execution.local import local_workers
from sweep.execution.workers import Workers
from sweep.machine.devices import checked_device, environment
from sweep.search.samplers import ROUND

# Of a network as large as this, the last digits depend on the number of threads that XLA sums with.
EXPERIMENT = """
question = "Who trains?"
[task]
name = "random"
sequence_length = 24
alphabet_size = 30
sequences_per_epoch = 64
test_sequences = 32
[model]
layers = 2
units = 200
[search]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
[training]
epochs = 1
timesteps = "full"
batch_size = 16
[study]
trials = 3
sampler = "random"
seeds = 2
"""

SMALL_EXPERIMENT = """
question = "Where are they?"
[task]
name = "increasing"
[training]
epochs = 5
[search]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
[study]
trials = 2
sampler = "random"
seeds = 2
"""


def sweep_run(folder: Path, *options: str) -> None:
    command = [sys.executable, "-m", "sweep", "run", "who.toml", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "distributed" not in done.stderr


@pytest.mark.slow
def test_two_workers_find_the_numbers_that_one_process_finds(tmp_path: Path) -> None:
    (tmp_path / "who.toml").write_text(EXPERIMENT)
    sweep_run(tmp_path, "--results", "alone")
    sweep_run(tmp_path, "--results", "two", "--workers", "2")
    alone, two = sweep.load(tmp_path / "alone" / "who"), sweep.load(tmp_path / "two" / "who")
    assert (alone.trials["state"] == "complete").all()
    assert_same_tables(two, alone)
    assert two.manifest["device"] == alone.manifest["device"]


@pytest.mark.slow
def test_two_workers_on_jax_find_the_numbers_that_one_process_finds(tmp_path: Path) -> None:
    (tmp_path / "who.toml").write_text(SMALL_EXPERIMENT)
    sweep_run(tmp_path, "--results", "alone", "--backend", "jax")
    sweep_run(tmp_path, "--results", "two", "--backend", "jax", "--workers", "2")
    alone, two = sweep.load(tmp_path / "alone" / "who"), sweep.load(tmp_path / "two" / "who")
    assert (alone.trials["state"] == "complete").all()
    assert two.manifest["backend"] == "jax"
    assert_same_tables(two, alone)


@pytest.mark.slow
def test_what_other_threads_draw_at_random_does_not_reach_the_weights() -> None:
    from sweep.experiment.configuration import ModelConfig
    from sweep.machine.loading import import_keras
    from sweep.training.initial_weights import initial_weights, seeded_model

    import_keras()
    config, seeds = ModelConfig(units=3, layers=2), tuple(range(5))
    calm = initial_weights(config, 5, seeds)
    stop = threading.Event()

    def draw() -> None:
        while not stop.is_set():
            random.random()
            time.sleep(0)

    other = threading.Thread(target=draw)
    other.start()
    try:
        initial_weights.cache_clear()
        disturbed = initial_weights(config, 5, seeds)
        models = [seeded_model(config, 5, seed, batch_size=1, timesteps=1).get_weights() for seed in seeds]
    finally:
        stop.set()
        other.join()
    for undisturbed, *drawn in zip(calm, disturbed, models, strict=True):
        for weights in drawn:
            assert all(map(np.array_equal, undisturbed, weights))


@pytest.mark.slow
def test_one_two_and_four_workers_leave_the_tables_of_none(tmp_path: Path) -> None:
    alone = run(tmp_path / "alone", "tpe", "hyperband", Stub(), ROUND + 3)
    for number in (1, 2, 4):
        with StubWorkers(number) as workers:
            together = run(tmp_path / str(number), "tpe", "hyperband", workers, ROUND + 3)
        assert_same_tables(together, alone)
        assert copies(together) == copies(alone)


@pytest.mark.slow
def test_a_worker_that_has_grown_is_replaced_between_two_trials(tmp_path: Path) -> None:
    with StubWorkers(1, leaking_training, memory_limit=500_000_000) as workers:
        trials = run(tmp_path, "random", "none", workers, 1).trials
    assert (trials["state"] == "complete").all()
    assert trials["error"].isna().all()
    assert trials["loss"].nunique() == len(trials) == 2, "each in a process of its own"


@pytest.mark.slow
def test_workers_and_their_scheduler_are_heard_on_the_loopback_interface_alone(tmp_path: Path) -> None:
    import psutil

    with StubWorkers(2) as workers:
        assert workers.client.scheduler.address.startswith("tls://127.0.0.1:")
        me = psutil.Process()
        processes = [me, *me.children(recursive=True)]
        heard = {c.laddr.ip for p in processes for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
        assert heard == {"127.0.0.1"}
        own = workers.client.run(os.getpid)
        assert len(own) == 2
        given = workers.client.run(
            lambda: (os.environ["TF_FORCE_GPU_ALLOW_GROWTH"], os.environ["CUDA_VISIBLE_DEVICES"])
        )
        assert set(given.values()) == {("true", "-1")}, "before TensorFlow is imported"
        assert not any(workers.client.run(lambda: "tensorflow" in sys.modules).values())
    assert not [pid for pid in own.values() if psutil.pid_exists(pid)]


@pytest.mark.slow
def test_modules_that_somebody_else_has_put_in_their_way_are_not_imported(tmp_path: Path) -> None:
    """In the scratch folder that Dask would choose, made first by another, and in a folder that all work in."""
    scratch = tmp_path / "dask-scratch-space"
    scratch.mkdir(mode=0o777)
    for folder in (scratch, tmp_path):
        for module in ("matplotlib", "keras", "multiprocessing", "distributed", "sweep"):
            (folder / f"{module}.py").write_text(f"open({str(tmp_path / 'planted')!r}, 'a').write(__file__)")
    tmp_path.chmod(0o1777)
    (tmp_path / "who.toml").write_text(SMALL_EXPERIMENT)
    command = [str(Path(sys.executable).parent / "sweep"), "run", "who.toml", "--workers", "2"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "planted").exists()
    left = {path.name for path in tmp_path.iterdir() if path.suffix != ".py" or path.name.startswith("__")}
    assert left <= {"who.toml", "results", "dask-scratch-space", "__pycache__"}, "nothing is left behind"
    assert list(scratch.glob("*.py")) == list(scratch.iterdir()), "nor put there"


def test_a_folder_for_temporary_files_in_which_others_can_replace_ours_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(SweepError, match=r"^--workers: others can replace .*; set TMPDIR"), local_workers(1, "cpu")():
        raise AssertionError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_neither_workers_nor_their_scheduler_have_pages_to_look_at() -> None:
    """Each listens once, over TLS: the scheduler, a nanny and its worker."""
    import psutil

    with local_workers(1, "cpu")() as client:
        client.wait_for_workers(1)
        me = psutil.Process()
        heard = [
            c
            for process in [me, *me.children(recursive=True)]
            for c in process.net_connections("inet")
            if c.status == psutil.CONN_LISTEN
        ]
    assert len(heard) == 3


@pytest.mark.parametrize("device", ["tpu", "gpu:", "gpu:x", "GPU", "", "gpu:0:1"])
def test_a_device_that_is_none_is_one_line(device: str) -> None:
    with pytest.raises(SweepError, match=r"^--device: is .*; must be auto, cpu, gpu or gpu:N") as refusal:
        checked_device(device)
    assert "\n" not in str(refusal.value)


def test_a_gpu_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with pytest.raises(SweepError, match="this machine has no GPU"):
        checked_device("gpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    assert checked_device("gpu:1") == "gpu:1"
    with pytest.raises(SweepError, match="this machine has gpu:0, gpu:1"):
        checked_device("gpu:2")


def test_gpus_and_cores_are_dealt_out_among_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4, 5, 6, 7})
    given = [environment("auto", worker, 4) for worker in range(4)]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in given] == ["3", "5", "3", "5"]
    assert {each["TF_FORCE_GPU_ALLOW_GROWTH"] for each in given} == {"true"}
    cores = [set(each["SWEEP_CORES"].split(",")) for each in given]
    assert set.union(*cores) == set("01234567")
    assert sum(map(len, cores)) == 8
    assert {each["TF_NUM_INTRAOP_THREADS"] for each in given} == {"8"}, "as many as one process alone has"
    assert environment("cpu", 1, 2)["CUDA_VISIBLE_DEVICES"] == "-1"
    assert environment("gpu:1", 0, 2)["CUDA_VISIBLE_DEVICES"] == "5"


def test_more_workers_than_cores_get_one_core_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert [environment("cpu", worker, 5)["SWEEP_CORES"] for worker in range(5)] == ["0", "1", "0", "1", "0"]


def test_a_cluster_and_local_workers_exclude_each_other(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sweep", "run", "who.toml", "--workers", "2", "--cluster", "tcp://localhost:8786"]
    (tmp_path / "who.toml").write_text(EXPERIMENT)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("Error: --cluster: ")


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"address": "here"}', '{"address": 3}', "[" * 100_000])
def test_a_scheduler_file_that_is_none_is_one_line(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "scheduler.json"
    if content is not None:
        file.write_text(content)
    for given in (str(file), "localhost:8786", "http://localhost:8786"):
        with pytest.raises(
            SweepError, match=r"^--cluster: .* is neither a scheduler's address nor its file"
        ) as refusal:
            cluster_workers(given)
        assert "\n" not in str(refusal.value)


def test_certificates_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    missing = {f"distributed.comm.tls.{key}": str(tmp_path / "nosuch.pem") for key in ("ca-file", "client.cert")}
    refusal = r"^--cluster: the certificates in DASK_DISTRIBUTED__COMM__TLS__\.\.\. cannot be read"
    with dask.config.set(missing), pytest.raises(SweepError, match=refusal), cluster_workers("tls://localhost:1")():
        raise AssertionError


@pytest.mark.slow
def test_a_cluster_worker_of_several_threads_is_refused_in_one_line() -> None:
    options = {"protocol": "tcp://", "host": "127.0.0.1", "dashboard_address": None, "processes": False}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, **options) as cluster:
        refusal = r"^--cluster: the worker tcp://\S+ has 2 threads; start it with --nthreads 1.*$"
        with pytest.raises(SweepError, match=refusal), Workers(cluster_workers(cluster.scheduler_address)) as own:
            own.device()


@pytest.mark.slow
def test_a_cluster_without_a_worker_is_waited_for_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.execution.workers._FIRST_SECONDS", 5.0)
    told: list[str] = []
    with distributed.LocalCluster(n_workers=0, protocol="tcp://", host="127.0.0.1", dashboard_address=None) as cluster:
        ended = (
            r"^--cluster: the cluster had no worker that answers for 5 s; start one \(dask worker tcp://127\.0\.0\.1:"
        )
        with Workers(cluster_workers(cluster.scheduler_address)) as own, pytest.raises(RunError, match=ended):
            own.room(told.append)
    assert told == ["--cluster: it has no worker yet; waits for one, 5 s at most"]


@pytest.mark.slow
def test_a_cluster_at_an_address_or_in_a_file_finds_the_numbers_of_one_process(tmp_path: Path) -> None:
    (tmp_path / "who.toml").write_text(SMALL_EXPERIMENT)
    dask = [sys.executable, "-m", "dask"]
    scheduler = [
        *dask,
        "scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        "s.json",
    ]
    worker = [*dask, "worker", "--host", "127.0.0.1", "--no-dashboard", "--nthreads", "1", "--scheduler-file", "s.json"]
    with ExitStack() as stack:
        for command in (scheduler, worker):
            process = stack.enter_context(started(command, cwd=tmp_path, stderr=subprocess.DEVNULL))
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
            while not (tmp_path / "s.json").exists():
                assert process.poll() is None
                time.sleep(0.1)
        address = json.loads((tmp_path / "s.json").read_text())["address"]
        sweep_run(tmp_path, "--results", "cluster", "--trials", "1", "--cluster", address)
        sweep_run(tmp_path, "--results", "cluster", "--cluster", "s.json")
        on_jax = [sys.executable, "-m", "sweep", "run", "who.toml", "--backend", "jax", "--results", "jax"]
        mixed = subprocess.run(
            [*on_jax, "--cluster", address], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )
    assert mixed.returncode == 2
    assert re.fullmatch(
        r"Error: --cluster: the worker \S+ has the backend tensorflow for jax; start it with KERAS_BACKEND=jax\n",
        mixed.stderr,
    )
    sweep_run(tmp_path, "--results", "alone")
    assert_same_tables(sweep.load(tmp_path / "cluster" / "who"), sweep.load(tmp_path / "alone" / "who"))
