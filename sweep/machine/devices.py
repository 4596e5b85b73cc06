"""What a process trains on: a GPU or the CPU, and how many threads; decided before the backend is imported."""

import os
import re
import shutil
import subprocess
from contextlib import suppress

from sweep.errors import SweepError

_CORES = "SWEEP_CORES"
_DEVICE = re.compile(r"auto|cpu|gpu(:\d+)?")


def checked_device(device: str) -> str:
    """`device` itself, if it is a device that this machine has; SweepError otherwise."""
    if not _DEVICE.fullmatch(device):
        raise SweepError(f'--device: is "{device}"; must be auto, cpu, gpu or gpu:N, gpu:0 for example')
    if device.startswith("gpu"):
        gpus = gpus_here()
        if not gpus:
            raise SweepError(f"--device: is {device}, and this machine has no GPU; must be auto or cpu here")
        if ":" in device and int(device[4:]) >= len(gpus):
            names = ", ".join(f"gpu:{number}" for number in range(len(gpus)))
            raise SweepError(f"--device: is {device}, and this machine has {names}")
    return device


def gpus_here() -> list[str]:
    """NVIDIA's GPUs, by what CUDA_VISIBLE_DEVICES calls them; those that it hides are left out."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        listed = [name.strip() for name in visible.split(",")]
        return [name for name in listed if name and name != "-1"]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        done = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return []
    return [str(number) for number, line in enumerate(done.stdout.splitlines()) if line.startswith("GPU ")]


def memory_mb(device: str) -> float:
    """The memory of what `device` names: of the first GPU it takes, or of this machine."""
    gpus = [] if device == "cpu" else gpus_here()
    if gpus:
        number = gpus[int(device[4:])] if device.startswith("gpu:") else gpus[0]
        query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits", f"--id={number}"]
        with suppress(OSError, subprocess.SubprocessError, ValueError):
            asked = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
            return float(asked.stdout) * 2**20 / 1e6
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6


def environment(device: str, worker: int = 0, workers: int = 1) -> dict[str, str]:
    """The environment in which the `worker`-th of `workers` processes on this machine trains on `device`.

    Several GPUs are dealt out in turn, and a GPU's memory is taken as it is needed. The cores are shared out too,
    but every process has as many threads as if it were alone: XLA splits a large sum by their number, so that
    another number would give other last digits.
    """
    variables = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    gpus = [] if device == "cpu" else gpus_here()
    if device == "cpu":
        variables |= {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    elif device.startswith("gpu:"):
        variables["CUDA_VISIBLE_DEVICES"] = gpus[int(device[4:])]
    elif gpus and workers > 1:
        variables["CUDA_VISIBLE_DEVICES"] = gpus[worker % len(gpus)]
    cores = _cores()
    if workers > 1 and cores:
        threads = str(len(cores))
        variables |= {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads, "NPROC": threads}
        variables[_CORES] = ",".join(map(str, cores[worker % len(cores) :: workers]))
    return variables


def keep_to_cores() -> None:
    """Keep this process to the cores that its environment gives it; the backend's threads inherit that."""
    if _CORES in os.environ:
        os.sched_setaffinity(0, map(int, os.environ[_CORES].split(",")))


def _cores() -> list[int]:
    """The cores that this process may use; empty where the system doesn't tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
