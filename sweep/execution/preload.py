"""What a local worker needs before it takes a trial, so that one that is killed meanwhile harms none: TensorFlow.

Workers are forked from a process that has imported this once, and then start in a second, not in six. It is TensorFlow
at work that no fork survives; loading it starts no thread and opens no device.
"""

import os
import tempfile

import distributed

from sweep.machine.devices import keep_to_cores
from sweep.machine.loading import import_keras

import_keras()


def dask_setup(worker: distributed.Worker) -> None:
    """What Dask calls as a worker starts: nobody is to hear of it but its scheduler.

    A worker is ended before it could clear its temporary files away: they go with the folder that is Dask's for it.
    """
    keep_to_cores()
    worker.http_server.stop()
    tempfile.tempdir = os.environ["TMPDIR"] = worker.local_directory
