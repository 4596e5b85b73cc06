"""The process in which one of sweep's own loops trains a case: `python -m sweep.benchmark.child LOOP`.

It speaks as every peer does (tests/benchmarks/README.md). On its standard output it says which library it has
loaded; on its input it is given a case, and then a line for each thing to do: a number, so many epochs are trained
and the seconds answered, or "weights", and those are.
"""

import json
import sys
import time
from typing import Any, Protocol

import numpy as np

from sweep.benchmark.cases import Case
from sweep.machine.backend import backend
from sweep.machine.loading import import_keras
from sweep.machine.versions import versions
from sweep.training.keras_model import Weights

_NAMES = {"tensorflow": "TensorFlow", "jax": "JAX"}


class _Loop(Protocol):
    def advance(self, epochs: int) -> Any: ...

    def weights(self) -> list[Weights]: ...


def main() -> None:
    """Answer line by line, until there are no more."""
    loop = sys.argv[1]
    import_keras()
    if loop == "fused":
        import sweep.training.compiled.fused  # noqa: F401 - part of the import's time, not of the compilation's
    installed, name = versions(), backend()
    _answer({"library": f"Keras {installed['keras']}, {_NAMES[name]} {installed[name]}"})
    given = json.loads(sys.stdin.readline())
    weights = given["weights"] and [
        [np.array(each, np.float32) for each in one] for one in zip(*given["weights"], strict=True)
    ]
    learner = _built(loop, Case(**given["case"]), weights)
    for line in sys.stdin:
        if line.strip() == "weights":
            stacked = [np.stack(each) for each in zip(*learner.weights(), strict=True)]
            _answer([weight.tolist() for weight in stacked])
            continue
        started = time.perf_counter()
        if epochs := int(line):
            learner.advance(epochs)
        _answer({"seconds": time.perf_counter() - started})


def _built(loop: str, case: Case, initial: list[Weights] | None) -> _Loop:
    if loop == "train_on_batch":
        from sweep.benchmark.train_on_batch import OnBatch

        return OnBatch(case, initial)
    from sweep.training.trainers import start_training

    configuration = case.configuration().replace(trainer=loop)
    return start_training(configuration, case.task(), tuple(range(case.seeds)), initial=initial)


def _answer(content: Any) -> None:
    print(json.dumps(content), flush=True)


if __name__ == "__main__":
    main()
