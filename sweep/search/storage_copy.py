"""The studies' copies in an Optuna storage, for optuna-dashboard and for people who share studies.

The Parquet records are the truth. Trials enter the storage once they are finished, so that it never holds a running
one, in their order, some at a time and each whole; where the storage does not match the records it is built anew
from them. A storage that refuses for a while (locked, restarted, full) does not stop the training.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from sweep.errors import RunError, SweepError
from sweep.faults import quoted
from sweep.search.optuna_private import prepare_optuna
from sweep.search.optuna_tables import insert_study, insert_trials, num_trials
from sweep.search.ownership import Lock, Owner

_T = TypeVar("_T")


_OWNER = "sweep_experiment"
_METRIC_NAMES = "study:metric_names"  # as `Study.set_metric_names` keeps them, which warns that it is experimental
_TOGETHER_SECONDS = 0.5  # trials that finish within so much time are copied together
_PATIENCE_SECONDS = 120.0  # so long a storage may refuse at the end of a run, or be locked at its start
_PAUSE_SECONDS = 5.0  # between two attempts at a storage that refuses

_LONGEST_PATH = 500  # bytes: SQLite's own limit is 512, with the names of its journals
_MADE_MEANWHILE = {"23505", "42P07", "42710"}  # SQLSTATE: the row, the table or its type is there already


class _BusyError(RunError):
    """A storage that another process is at work in: it will do in a moment."""


class Mirror:
    """One study in a storage, holding a copy of the finished trials."""

    def __init__(
        self, storage: optuna.storages.RDBStorage, name: str, owner: Owner, objectives: Mapping[str, StudyDirection]
    ) -> None:
        self._storage, self._name, self._owner, self._objectives = storage, name, owner, objectives
        self._id = 0
        self._count = 0

    def hold(self, trials: Sequence[FrozenTrial]) -> None:
        """Make the storage hold these trials and no others; SweepError if the name is somebody else's."""
        with _refusals(self._name):
            stored = self._stored(trials)
            if stored is not None and stored != _content(trials[: len(stored)]):
                optuna.delete_study(study_name=self._name, storage=self._storage)
                stored = None
            if stored is None:
                self._create()
                stored = []
            self._id, self._count = self._storage.get_study_id_from_name(self._name), len(stored)
            self._storage.set_study_system_attr(self._id, _METRIC_NAMES, list(self._objectives))
            self.add(trials[len(stored) :])

    def _stored(self, trials: Sequence[FrozenTrial]) -> list[tuple[object, ...]] | None:
        """What the storage holds of the study, which is ours then; None if it has none of the name."""
        try:
            study = optuna.load_study(study_name=self._name, storage=self._storage)
        except KeyError:
            return None
        stored, mark = _content(study.get_trials(deepcopy=False)), study.user_attrs.get(_OWNER)
        if mark == self._owner.mark:
            return stored
        # A study without an id is this folder's as far as it holds the same trials; one of another's is never removed.
        same = mark == self._owner.earlier_mark and stored == _content(trials[: len(stored)])
        if not self._owner.alone and not same:
            raise SweepError(
                f"the storage has a study {self._name!r} that these results did not make, but another experiment or "
                "another results folder; rename the experiment file, or use another storage"
            )
        study.set_user_attr(_OWNER, self._owner.mark)
        return stored

    def _create(self) -> None:
        """Make the study together with its owner's mark: killed between the two, a run would not know it again."""
        with Session(self._storage.engine) as session, session.begin():
            insert_study(session, self._name, list(self._objectives.values()), {_OWNER: self._owner.mark})

    def add(self, trials: Sequence[FrozenTrial]) -> None:
        """Copy more finished trials: all of them or, where that is refused with a RunError, none.

        Optuna's own way takes some twenty queries a trial, and a transaction.
        """
        if not trials:
            return
        with _refusals(self._name), Session(self._storage.engine) as session, session.begin():
            there = num_trials(session, self._id)
            new = trials[there - self._count :]  # the first ones, if an attempt got through and was not told so
            if new:
                insert_trials(session, self._id, there, new)
        self._count += len(trials)


class Copying:
    """Copies trials of several studies as they finish, and goes on later where the storage refuses."""

    def __init__(self, mirrors: Sequence[Mirror], lock: Lock, clock: Callable[[], float] = time.monotonic) -> None:
        self._mirrors, self._lock, self._clock = mirrors, lock, clock
        self._waiting: list[list[FrozenTrial]] = [[] for _ in mirrors]
        self._next = clock()

    def add(self, study: int, trial: FrozenTrial) -> None:
        """A trial of a study has finished, and all before it."""
        self._waiting[study].append(trial)
        if self._clock() >= self._next:
            try:
                self._flush()
                self._next = self._clock() + _TOGETHER_SECONDS
            except RunError:  # told at the end, if it still refuses then
                self._next = self._clock() + _PAUSE_SECONDS

    def finish(self) -> None:
        """Copy what is left; RunError where the storage goes on refusing."""
        _patiently(self._flush)

    def _flush(self) -> None:
        with _refusals(self._lock.name):
            self._lock.hold()
        for mirror, waiting in zip(self._mirrors, self._waiting, strict=True):
            mirror.add(waiting)
            waiting.clear()


@contextlib.contextmanager
def open_storage(url: str) -> Iterator[optuna.storages.RDBStorage]:
    """Optuna's storage at a database URL; SweepError if there is none. The URL's password is never printed."""
    prepare_optuna()
    storage = _patiently(lambda: _opened(url), while_=lambda error: isinstance(error, _BusyError))
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def clear_damaged(path: Path) -> bool:
    """Whether a folder's own copy of a study was no sound SQLite file, and is gone now: the records make it anew.

    SweepError where something else lies in its place. One that another process has locked is not asked.
    """
    if path.is_dir():
        raise SweepError(f"{path}: is a folder, in the place of Optuna's file; remove it and run the experiment again")
    if not path.exists() or not path.stat().st_size:
        return False
    connection = sqlite3.connect(path, timeout=0)
    try:
        sound = connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    except sqlite3.DatabaseError as error:
        sound = error.sqlite_errorcode not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    finally:
        connection.close()
    if not sound:
        for part in ("", "-journal", "-wal", "-shm"):
            path.with_name(path.name + part).unlink(missing_ok=True)
    return not sound


def url_of_file(path: Path) -> str:
    """The URL of an SQLite file, whatever characters are in its path; SweepError for one that SQLite cannot open.

    >>> url_of_file(Path("/runs?x=1/study.db"))
    'sqlite:////runs%3Fx%3D1/study.db'
    """
    from sqlalchemy.engine import URL, make_url

    whole = str(path.absolute())
    if len(os.fsencode(whole)) > _LONGEST_PATH:
        raise SweepError(
            f"{quoted(str(path))}: is {len(os.fsencode(whole))} bytes long, and SQLite opens {_LONGEST_PATH}; "
            "choose a folder nearer to the root with --results"
        )
    url = URL.create("sqlite", database=whole).render_as_string()
    if make_url(url).database != whole:  # SQLAlchemy before 2.1 has no way to write it
        raise SweepError(f"{quoted(str(path))}: has characters that no database URL can hold; choose other --results")
    return url


def without_password(url: str) -> str:
    """A database URL as it may be shown.

    >>> without_password("postgresql://me:secret@host/studies?password=secret")
    'postgresql://me:***@host/studies?password=%2A%2A%2A'
    """
    from sqlalchemy.engine import make_url

    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        return "(not a database URL)"
    hidden = {key: "***" for key in parsed.query if "pass" in key.lower()}
    return parsed.update_query_dict(hidden).render_as_string(hide_password=True)


def _opened(url: str) -> optuna.storages.RDBStorage:
    options: dict[str, Any] = {} if url.startswith("sqlite") else {"pool_pre_ping": True}
    if url.startswith("postgresql"):
        options["connect_args"] = {"connect_timeout": 10}
    try:
        return optuna.storages.RDBStorage(url, engine_kwargs=options)
    except (SQLAlchemyError, ValueError, ImportError, RuntimeError, optuna.exceptions.StorageInternalError) as error:
        reason = _reason(error)
        busy = "is locked" in reason or _sqlstate(error) in _MADE_MEANWHILE
        kind = _BusyError if busy else RunError if "disk is full" in reason else SweepError
        raise kind(f"--storage {without_password(url)}: cannot be opened ({type(error).__name__}: {reason})") from None


def _patiently(action: Callable[[], _T], while_: Callable[[RunError], bool] = lambda error: True) -> _T:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return action()
        except RunError as error:
            if not while_(error) or time.monotonic() > deadline:
                raise
            time.sleep(1.0)


def _content(trials: Sequence[FrozenTrial]) -> list[tuple[object, ...]]:
    return [(t.state, t.params, t.values) for t in trials]


@contextlib.contextmanager
def _refusals(name: str) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = _reason(error)
        raise RunError(
            f"study {name!r}: the storage refused it ({reason}); the records are kept, and the same command goes on"
        ) from None


def _sqlstate(error: Exception) -> str | None:
    return getattr(getattr(error.__cause__ or error, "orig", None), "sqlstate", None)


def _reason(error: Exception) -> str:
    """What the database itself said, in one line."""
    cause = error.__cause__ or error
    return str(getattr(cause, "orig", None) or cause).splitlines()[0]
