"""The same training in PyTorch, as it is usually written: `nn.LSTM` on each window, one seed after the other."""

import json
import math
import sys
import time

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

print(json.dumps({"library": f"PyTorch {torch.__version__}"}), flush=True)

# On two cores its second thread only ever waits: 600 us an update with one, and up to 50,000 with two.
torch.set_num_threads(1)

given = json.loads(sys.stdin.readline())
case = given["case"]
steps, window, lanes = case["steps"], case["window"], case["batch"]
sequences = torch.tensor(given["sequences"])  # (seeds, sequences, steps + 1)
weights = [torch.tensor(weight) for weight in given["weights"]]  # (seeds, ...) each, in Keras's order


class Network(torch.nn.Module):
    """The tutorial's, with the weights that Keras starts from; its gates are in PyTorch's order."""

    def __init__(self, kernel, recurrent, bias, dense, offset):
        super().__init__()
        self.lstm = torch.nn.LSTM(case["symbols"], case["units"])
        self.dense = torch.nn.Linear(case["units"], case["symbols"])
        with torch.no_grad():
            self.lstm.weight_ih_l0.copy_(kernel.T)
            self.lstm.weight_hh_l0.copy_(recurrent.T)
            self.lstm.bias_ih_l0.copy_(bias)
            self.lstm.bias_hh_l0.zero_()  # Keras has one bias, so this one stays as it is
            self.dense.weight.copy_(dense.T)
            self.dense.bias.copy_(offset)
        self.lstm.bias_hh_l0.requires_grad_(False)
        self.trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(self.trained, lr=0.001, fused=True)
        self.updates = 0

    def update(self, state, x, y):
        """One update on a window; the state after it."""
        outputs, state = self.lstm(x, state)
        if case["scored"] == "last":
            outputs, y = outputs[-1:], y[-1:]
        loss = binary_cross_entropy_with_logits(self.dense(outputs), y)
        self.updates += 1
        # Keras adds its epsilon before it corrects the bias of the second moment, PyTorch afterwards.
        self.optimizer.param_groups[0]["eps"] = 1e-7 / math.sqrt(1 - 0.999**self.updates)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return tuple(part.detach() for part in state)

    def epoch(self, batches):
        """Every batch of sequences once, the state zero at its start."""
        for batch in batches:
            state = None
            for start in range(0, steps, window):
                state = self.update(state, batch[start : start + window], batch[start + 1 : start + 1 + window])

    def keras_weights(self):
        """In Keras's order and shapes."""
        kernel, recurrent, bias, dense, offset = (weight.detach().numpy() for weight in self.trained)
        return [kernel.T, recurrent.T, bias, dense.T, offset]


networks = [Network(*each) for each in zip(*weights, strict=True)]
data = one_hot(sequences, case["symbols"]).float()  # (seeds, sequences, steps + 1, symbols)
batches = [[batch.transpose(0, 1).contiguous() for batch in each] for each in data.unflatten(1, (-1, lanes))]

for line in sys.stdin:
    if line.strip() == "weights":
        stacked = [np.stack(each) for each in zip(*(network.keras_weights() for network in networks), strict=True)]
        print(json.dumps([weight.tolist() for weight in stacked]), flush=True)
        continue
    started = time.perf_counter()
    for network, its_batches in zip(networks, batches, strict=True):
        for _ in range(int(line)):
            network.epoch(its_batches)
    print(json.dumps({"seconds": time.perf_counter() - started}), flush=True)
