"""JAX trains what TensorFlow trains, neither loads the other, and one study has one of them."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Result, with_caches_in
from test_trainers import FIXED, FOUR_KEYS, LONG_FIXED, MARKED, SHORT_MARKED, TUTORIAL, UNEQUAL, WIDE
from training_on import trained

from sweep.errors import SweepError
from sweep.machine import backend
from sweep.results.store import Store

EPOCHS = 8

GRID: list[tuple[Any, dict[str, Any]]] = [
    (TUTORIAL, {"shuffle": True}),
    (TUTORIAL, {"stateful": False, "timesteps": 3, "batch_size": 2, "optimizer": "sgd", "learning_rate": 0.5}),
    (TUTORIAL, {"stop_when_solved": True, "learning_rate": 0.05, "evaluate_every": 2, "output": "softmax"}),
    (TUTORIAL, {"cell": "mlp", "lags": 2, "layers": 2, "timesteps": 2}),
    (TUTORIAL, {"lags": 2, "gate_bias": "zeros"}),
    (TUTORIAL, {"batch_layout": "steps", "batch_size": 4, "units": 7}),
    (UNEQUAL, {"timesteps": "full", "last_weight": 3.0, "cell": "simple_rnn", "clip_norm": 0.1}),
    (FOUR_KEYS, {"batch_size": 2, "loss_on": "last", "timesteps": 5, "layers": 2, "optimizer": "rmsprop"}),
    (WIDE, {"timesteps": "full", "batch_size": 2}),
    (WIDE, {"timesteps": "full", "cell": "gru", "layers": 2}),
    (WIDE, {"cell": "mlp", "lags": 3, "batch_size": 2}),
    (WIDE, {"timesteps": 2, "cell": "simple_rnn", "lags": 2}),
    (MARKED, {"timesteps": "full", "loss_on": "last", "gate_bias": "chrono", "output": "softmax", "clip_norm": 1.0}),
    (SHORT_MARKED, {"timesteps": 3, "batch_size": 4, "cell": "gru"}),
    (FIXED, {"timesteps": 7, "batch_size": 2, "shuffle": True}),
    (LONG_FIXED, {"timesteps": 70, "batch_size": 4, "layers": 2, "units": 7}),
    (LONG_FIXED, {"timesteps": 100, "stateful": False, "cell": "gru"}),
    (MARKED, {"timesteps": "full", "loss_on": "last", "batch_size": 4, "cell": "gru", "clip_norm": 1.0}),
]
FIT = [  # on JAX, beside the compiled program there
    (TUTORIAL, {"timesteps": 3, "batch_size": 2, "cell": "gru"}),
]


def on_jax(jobs: list[Any], caches: Path | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """What a process of its own trained there, and which of the backends it loaded."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("training_on.py"))],
        input=pickle.dumps(jobs),
        env=with_caches_in(caches) | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    came, loaded = pickle.loads(done.stdout)
    return came, loaded


def assert_same_training(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """As two trainers of one backend have to agree; see test_trainers.py."""
    for before, same in zip(ours["started"], theirs["started"], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(before, same, strict=True))
    one, other = ours["scores"], theirs["scores"]
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-4)
    for name in ("epochs", "sequences", "updates", "accuracy", "recall_accuracy", "sequence_accuracy", "solved"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    np.testing.assert_allclose(one.max_error, other.max_error, atol=1e-4)
    np.testing.assert_allclose(one.of("test_loss"), other.of("test_loss"), rtol=1e-4)
    for name in ("margin", "recall_margin", "recall_bits"):
        np.testing.assert_allclose(one.of(name), other.of(name), atol=2e-4, err_msg=name)
    np.testing.assert_array_equal(ours["steps"], theirs["steps"])
    for after, same in zip(ours["ended"], theirs["ended"], strict=True):
        for a, b in zip(after, same, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-3)


@pytest.mark.slow
def test_jax_trains_what_tensorflow_trains_from_the_same_weights() -> None:
    jobs = [(task, {"epochs": EPOCHS, "evaluate_every": 4} | options, (0, 3), None, EPOCHS) for task, options in GRID]
    ours = [trained(*job) for job in jobs]
    given = [(*job[:3], mine["started"], EPOCHS) for job, mine in zip(jobs, ours, strict=True)]
    theirs, loaded = on_jax(given)
    for (task, options), one, other in zip(GRID, ours, theirs, strict=True):
        try:
            assert_same_training(one, other)
        except AssertionError as error:
            raise AssertionError(f"{task.name}, {options}: {error}") from None
    assert loaded == ["jax"]


@pytest.mark.slow
def test_the_compiled_trainer_equals_keras_fit_on_jax_too_and_finds_its_programs_again(tmp_path: Path) -> None:
    jobs = [
        (task, {"epochs": EPOCHS, "evaluate_every": 4, "trainer": trainer} | options, (0, 3), None, EPOCHS)
        for task, options in FIT
        for trainer in ("fit", "fused")
    ]
    came, loaded = on_jax(jobs, tmp_path)
    for literal, fused in zip(came[::2], came[1::2], strict=True):
        assert_same_training(fused, literal)
    assert loaded == ["jax"]

    programs = {path: path.read_bytes() for path in tmp_path.rglob("*-cache")}
    assert programs
    fused = [job for job in jobs if job[1]["trainer"] == "fused"]
    assert weights_of(on_jax(fused, tmp_path)[0]) == weights_of(came[1::2])
    assert set(tmp_path.rglob("*-cache")) == set(programs), "compiled again"
    for path, content in programs.items():
        path.write_bytes(content[: len(content) // 2])
    assert weights_of(on_jax(fused, tmp_path)[0]) == weights_of(came[1::2])


def weights_of(came: list[dict[str, Any]]) -> list[bytes]:
    """Bit for bit."""
    return [weight.tobytes() for each in came for weights in each["ended"] for weight in weights]


SEEDED = """
import numpy as np
from sweep.experiment.configuration import ModelConfig
from sweep.machine.loading import import_keras
from sweep.training.initial_weights import initial_weights, seeded_model
import_keras()
compared = 0
for cell, bias in [("lstm", "zeros"), ("lstm", "unit_forget"), ("lstm", "chrono"), ("gru", "chrono"),
                   ("gru", "unit_forget"), ("simple_rnn", "unit_forget"), ("mlp", "unit_forget")]:
    for units, layers in [(1, 1), (20, 2), (72, 1)]:
        config = ModelConfig(cell=cell, gate_bias=bias, units=units, layers=layers, chrono_max=20)
        lags = 3 if cell == "mlp" else 1
        for seed, drawn in zip((0, 7), initial_weights(config, 5, (0, 7), lags), strict=True):
            model = seeded_model(config, 5, seed, batch_size=1, timesteps=2, lags=lags)
            for mine, keras in zip(drawn, model.trainable_variables, strict=True):
                assert mine.dtype == np.float32 and np.array_equal(mine, keras.numpy()), (config, seed, keras.path)
                compared += 1
print(compared)
"""


@pytest.mark.slow
def test_initial_weights_on_jax_are_those_of_a_plain_keras_script_to_the_last_bit() -> None:
    environment = with_caches_in() | {"KERAS_BACKEND": "jax"}
    ran = subprocess.run(
        [sys.executable, "-c", SEEDED], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) == 2 * (6 * (2 * 5 + 8) + 2 * 4 + 6)


@pytest.mark.slow
def test_tensorflow_does_not_load_jax() -> None:
    script = "import sys, sweep.machine.loading; sweep.machine.loading.import_keras(); print('jax' in sys.modules)"
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    assert ran.stdout.strip() == "False"


@pytest.mark.slow
def test_a_study_on_jax_is_run_confirmed_and_predicted_from_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'question = "On JAX?"\n[task]\nname = "increasing"\n[training]\nepochs = 3\n'
        "[search]\nunits = { choices = [3, 4] }\n[study]\ntrials = 2\nseeds = 2\n"
    )

    def sweep(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sweep", *arguments]
        variables = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
        return subprocess.run(
            command, cwd=tmp_path, env=variables | environment, capture_output=True, text=True, check=False, timeout=300
        )

    ran = sweep("run", "mine.toml", "--backend", "jax")
    assert ran.returncode == 0, ran.stderr
    manifest = Store(tmp_path / "results" / "mine").manifest()
    assert manifest["backend"] == "jax"
    assert {"jax", "jaxlib"} < set(manifest["versions"])
    assert "tensorflow" not in manifest["versions"]

    mixed = sweep("run", "mine.toml", "--trials", "3")
    assert mixed.returncode == 2
    assert mixed.stderr == (
        "Error: results/mine: holds results of the backend jax, and this run has tensorflow; "
        "go on with --backend jax, or give this run another folder with --results\n"
    )
    assert sweep("confirm", "mine", KERAS_BACKEND="tensorflow").returncode == 2
    confirmed = sweep("confirm", "mine", "--top", "1", "--seeds", "2")
    assert confirmed.returncode == 0, confirmed.stderr
    assert Store(tmp_path / "results" / "mine").manifest()["backend"] == "jax"
    predicted = sweep("predict", "mine", "--sequence", "3 0")
    assert predicted.returncode == 0, predicted.stderr
    assert predicted.stdout.count("yhat=") == 2


def test_results_of_another_backend_are_not_added_to(small: Store, sweep_command: Callable[..., Result]) -> None:
    path = small.path / "manifest.json"
    path.write_text(json.dumps(small.manifest() | {"backend": "jax"}))
    refused = sweep_command("run", "small", "--backend", "tensorflow")
    assert refused.code == 2
    assert "holds results of the backend jax" in refused.err
    assert refused.err.count("\n") == 1


def test_results_that_do_not_name_a_backend_are_tensorflows() -> None:
    assert backend.backend_of({"schema_version": 1}) == "tensorflow"


def test_an_unknown_backend_is_refused(
    small: Store, sweep_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    refused = sweep_command("run", "small")
    assert refused.code == 2
    assert "'torch' is not one of 'tensorflow', 'jax'" in refused.err


def test_a_backend_that_is_not_installed_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(backend.PACKAGES, "jax", ("no_such_package",))
    with pytest.raises(
        SweepError, match=r'no_such_package is not installed; in the folder of its source: pip install "\.\[jax\]"'
    ):
        backend.choose_backend("jax")
