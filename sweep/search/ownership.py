"""Whose a study in a storage is, and that one run at a time writes it: a shared storage holds other people's too."""

import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from sweep.errors import RunError, SweepError

_WAIT_SECONDS = 5.0  # until a database has noticed that a killed run has let go


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The experiment and the results folder that a study belongs to."""

    experiment: str  # its identity
    folder: str  # the id in the folder's manifest: a folder may be moved, and an experiment have several
    alone: bool  # the storage lies in the folder: what else is there is an earlier copy, and is made anew

    @property
    def mark(self) -> str:
        """What the study says of its owner."""
        return f"{self.experiment} {self.folder}"

    @property
    def earlier_mark(self) -> str:
        """What a study of a version before ids says: it may be another folder's of the same experiment."""
        return self.experiment


class Lock:
    """An advisory lock of PostgreSQL on an experiment's studies, which the server lets go of when the run ends.

    Other databases have none, or none that holds for a session: there the owner's mark alone keeps runs apart.
    """

    def __init__(self, storage: RDBStorage, name: str) -> None:
        self._engine, self.name = storage.engine, name
        self._key = zlib.crc32(f"sweep {name}".encode())
        self._connection: Connection | None = None
        self._driver: Any = None  # the driver's own connection, which SQLAlchemy forgets open where the server is gone

    def hold(self) -> None:
        """Take the lock, or see that it is still held and take it again where the server was restarted meanwhile.

        RunError if another run has it; SQLAlchemyError where the server does not answer.
        """
        if self._engine.dialect.name != "postgresql" or self._still_held():
            return
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()  # its own: given back to the others, it would keep the lock
        self._driver = connection.connection.dbapi_connection
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key}):
            connection.close()
            self._driver.close()
            raise RunError(
                f"the storage: another run is writing the studies of {self.name!r} there; wait for it to end"
            )
        self._connection = connection

    def let_go(self) -> None:
        """End the lock's connection, and with it the lock."""
        if self._connection is not None:
            with suppress(SQLAlchemyError):
                self._connection.close()
            self._driver.close()
            self._connection = self._driver = None

    def _still_held(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.scalar(text("SELECT 1"))
        except SQLAlchemyError:
            self.let_go()
            return False
        return True


@contextmanager
def only_run(storage: RDBStorage, name: str) -> Iterator[Lock]:
    """Hold the studies of an experiment for this run alone; SweepError if another run has them."""
    lock, deadline = Lock(storage, name), time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            lock.hold()
            break
        except RunError as error:
            if time.monotonic() > deadline:
                raise SweepError(str(error)) from None
            time.sleep(0.2)
    try:
        yield lock
    finally:
        lock.let_go()
