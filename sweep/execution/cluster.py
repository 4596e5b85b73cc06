"""A Dask cluster that others have started: reaching its scheduler, by an address or by the file that holds it."""

import asyncio
import json
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import distributed

from sweep.errors import SweepError
from sweep.execution.workers import Connect

_SCHEMES = ("tcp://", "tls://", "ws://", "wss://", "ucx://", "ucxx://")
_ANSWER_SECONDS = 8.0
_ENCRYPTION = "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"
_CERTIFICATES = "DASK_DISTRIBUTED__COMM__TLS__"


def cluster_workers(given: str) -> Connect:
    """The workers of a running cluster: its scheduler's address, or the path of its scheduler file."""
    _address(given)

    @contextmanager
    def connect() -> Iterator[distributed.Client]:
        address = _address(given)  # anew: a scheduler that comes in the place of another writes its own
        _check_that_it_answers(address)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", distributed.versions.VersionMismatchWarning
            )  # we look at versions ourselves
            client = distributed.Client(address, timeout=_ANSWER_SECONDS, set_as_default=False)
        try:
            yield client
        finally:
            with suppress(OSError):  # its scheduler is gone
                client.close(timeout=1)

    return connect


def _address(given: str) -> str:
    """The address that is given, or stands in the file that is; Dask would wait without an end for a missing file."""
    address = given
    if "://" not in given:
        try:
            address = str(json.loads(Path(given).read_bytes())["address"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            address = ""
    if not address.startswith(_SCHEMES):
        raise SweepError(
            f"--cluster: {given} is neither a scheduler's address nor its file; must be tcp://host:8786 for example, "
            "or what `dask scheduler --scheduler-file` wrote"
        )
    return address


def _check_that_it_answers(address: str) -> None:
    """SweepError unless a Dask scheduler answers: Dask's own client would try for a minute, and hang as it gives up."""
    try:
        arguments = distributed.Security().get_connection_args("client")
    except OSError as error:
        raise SweepError(f"--cluster: the certificates in {_CERTIFICATES}... cannot be read ({error})") from None
    if address.startswith(("tls://", "wss://")) and arguments.get("ssl_context") is None:
        raise SweepError(
            f"--cluster: {address} needs certificates; name them in {_CERTIFICATES}CA_FILE, "
            f"{_CERTIFICATES}CLIENT__CERT and {_CERTIFICATES}CLIENT__KEY"
        )
    if arguments.get("require_encryption") and address.startswith(("tcp://", "ws://")):
        raise SweepError(
            f"--cluster: {address} is not encrypted, and {_ENCRYPTION} asks for that; "
            "give the scheduler's tls:// address"
        )

    async def ask() -> None:
        async with asyncio.timeout(_ANSWER_SECONDS):
            comm = await distributed.comm.connect(address, timeout=_ANSWER_SECONDS, **arguments)
            try:
                await comm.write({"op": "identity", "n_workers": 0, "reply": True, "close": True})
                await comm.read()
            finally:
                comm.abort()

    try:
        with ThreadPoolExecutor(1) as thread:  # this one may run a loop of its own, as in a notebook
            thread.submit(asyncio.run, ask()).result()
    except (OSError, ValueError, RuntimeError) as error:  # the last where Dask does not talk over such a connection
        reason = str(error) or f"silent for {_ANSWER_SECONDS:g} s"
        raise SweepError(f"--cluster: no Dask scheduler answers at {address} ({reason})") from None
