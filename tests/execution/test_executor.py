"""The executor that trains in this process."""

import os

import pytest

from sweep.execution import executor
from sweep.execution.executor import InProcess
from sweep.machine.devices import environment


def test_entering_it_sets_what_the_backend_reads_and_asking_for_its_device_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executor, "device_found", lambda wanted: wanted)
    wanted = environment("cpu")
    assert wanted
    for name in wanted:
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    assert InProcess("cpu").device() == "cpu"
    assert dict(os.environ) == before
    with InProcess("cpu"):
        assert dict(os.environ) == before | wanted
    for name in wanted:
        monkeypatch.delenv(name)
