"""The file that `sweep init` writes: an experiment that runs as it stands, with the other choices in comments."""

from pathlib import Path

from sweep.errors import RunError, SweepError
from sweep.experiment.file import name_of

STARTER = """\
question = "Which learning rate lets a small LSTM remember its first symbol?"  # one sentence; heads the report

# What is to be learnt. Other tasks:
#   "explicit"  your own sequences:                   sequences = [["C", "a", "b", "C"], ["D", "a", "b", "D"]]
#   "random"    key, random fillers, key:             sequence_length, alphabet_size, keys, train_sequences
#   "marked"    b, key, distractors, e, key:          lag, distractors, sequences_per_epoch
[task]
name = "increasing"    # key, 0, 1, 2, ..., key: the last symbol is the first one again
keys = 2               # different first symbols, hence sequences
# alphabet_size = 20   # symbols in the alphabet; left out: those that the sequences need

# The problem's own axes, which are measured and never optimised: every combination is a study.
# For pairs of values instead, write a [[conditions]] table for each, with single values: sequence_length = 5.
[conditions]
sequence_length = [5, 8]

# What is fixed. Whatever is left out has the tutorial's value, which is the one in the comments.
[model]
# cell = "lstm"               # "gru", "simple_rnn", "mlp" (feed-forward, on the last `lags` symbols)
# layers = 1                  # recurrent layers, one on top of the other
# output = "sigmoid"          # "softmax"
# gate_bias = "unit_forget"   # "zeros", "chrono" (for long memories)
# stateful = true             # carry the state from window to window within a sequence

[training]
epochs = 250             # passes over the training sequences
timesteps = "full"       # steps per update: the whole sequence, or a number; 1 in the tutorial
# batch_size = 1         # sequences side by side; must divide their number
# shuffle = false        # a new order of the sequences in each epoch
# lags = 1               # symbols in a sliding window that each prediction is made from
# optimizer = "adam"     # "rmsprop", "sgd"
# clip_norm = 1.0        # largest norm of the gradient; left out: not clipped
# loss_on = "every"      # "last": score the final step only
# evaluate_every = 1     # epochs from one test to the next
# stop_when_solved = false
# trainer = "fused"      # "fit": Keras's own loop, much slower

# What the sampler chooses for each trial: any parameter of [model] and [training] that is not fixed there.
# A range is { low, high }, with log = true for several magnitudes, or a step; a list is { choices = [...] }.
[search]
units         = { choices = [10, 20] }
learning_rate = { low = 1e-3, high = 1e-1, log = true }

[study]
trials = 6                        # configurations for each condition
seeds = 5                         # replicates of each: 5 means seeds 0 to 4; or a list of seeds
# sampler = "tpe"                 # "random", "grid" (all combinations of choices and steps)
# objective = "recall_bits"   # "solve_rate", "recall_accuracy", ...; "-loss": a "-" in front minimises
# pruner = "none"                 # "median" ends hopeless trials early
# seed = 0                        # of the sampler

# The best configurations of each condition again, from seeds that the search did not use. Left out: not done.
[confirm]
top = 1
seeds = 10                        # the next ones after the search's own

# What the question asks, so that the report can answer it in one sentence. It may be changed at any time.
[answer]
best = true                       # or: smallest = "units", where = "solve_rate >= 0.9"
#                                   or, of a grid: compare = "units"
"""


def write_starter(path: Path) -> None:
    """Write the starter file to `path`; SweepError where something is there already, or the name cannot be used."""
    name_of(path)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(STARTER)
    except FileExistsError:
        raise SweepError(f"{path}: is there already, and is left as it is; choose another name") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None
