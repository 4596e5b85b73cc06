"""The same training in JAX: a scan over time with automatic gradients, Adam by hand, all seeds in one program."""

import json
import sys
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

print(json.dumps({"library": f"JAX {jax.__version__}"}), flush=True)

given = json.loads(sys.stdin.readline())
case = given["case"]
steps, window, lanes = case["steps"], case["window"], case["batch"]
sequences = jnp.array(given["sequences"], jnp.int32)  # (seeds, sequences, steps + 1)
weights = [jnp.array(weight, jnp.float32) for weight in given["weights"]]  # (seeds, ...) each, in Keras's order
batches = sequences.reshape(case["seeds"], -1, lanes, steps + 1)


def loss_of(weights, state, shown, asked):
    """Mean loss of a window; `shown` and `asked` are (window, lanes) symbols."""
    kernel, recurrent, bias, dense, offset = weights

    def step(state, row):
        hidden, carried = state
        entry, forget, candidate, out = jnp.split(row + hidden @ recurrent, 4, axis=-1)
        carried = jax.nn.sigmoid(forget) * carried + jax.nn.sigmoid(entry) * jnp.tanh(candidate)
        hidden = jax.nn.sigmoid(out) * jnp.tanh(carried)
        return (hidden, carried), hidden

    state, hidden = jax.lax.scan(step, state, kernel[shown] + bias)
    if case["scored"] == "last":
        hidden, asked = hidden[-1:], asked[-1:]
    logits = hidden @ dense + offset
    wanted = jax.nn.one_hot(asked, logits.shape[-1])
    return jnp.mean(jax.nn.softplus(logits) - wanted * logits), state


def adam(weights, moments, gradients, count):
    """Keras's Adam with its defaults."""
    rate = 0.001 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    first = [m + (g - m) * 0.1 for m, g in zip(moments[0], gradients, strict=True)]
    second = [v + (g * g - v) * 0.001 for v, g in zip(moments[1], gradients, strict=True)]
    weights = [w - rate * m / (jnp.sqrt(v) + 1e-7) for w, m, v in zip(weights, first, second, strict=True)]
    return weights, (first, second)


def one_epoch(batches, _, learner):
    """Every batch of sequences once, the state zero at its start."""

    def one_window(carry, part):
        (weights, moments, count), state = carry
        gradients, state = jax.grad(loss_of, has_aux=True)(weights, state, *part)
        weights, moments = adam(weights, moments, gradients, count + 1)
        return ((weights, moments, count + 1), state), None

    def one_batch(learner, batch):
        shown = batch[:, :-1].T.reshape(-1, window, lanes)
        asked = batch[:, 1:].T.reshape(-1, window, lanes)
        zero = jnp.zeros((lanes, case["units"]))
        (learner, _), _ = jax.lax.scan(one_window, (learner, (zero, zero)), (shown, asked))
        return learner, None

    return jax.lax.scan(one_batch, learner, batches)[0]


@jax.jit
@partial(jax.vmap, in_axes=(0, 0, None))
def train(learner, batches, epochs):
    return jax.lax.fori_loop(0, epochs, partial(one_epoch, batches), learner)


zeros = [jnp.zeros_like(weight) for weight in weights]
learner = (weights, (zeros, zeros), jnp.zeros(case["seeds"]))
for line in sys.stdin:
    if line.strip() == "weights":
        print(json.dumps([np.asarray(weight).tolist() for weight in learner[0]]), flush=True)
        continue
    started = time.perf_counter()
    learner = jax.block_until_ready(train(learner, batches, int(line)))
    print(json.dumps({"seconds": time.perf_counter() - started}), flush=True)
