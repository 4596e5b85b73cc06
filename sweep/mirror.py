"""The study's copy in an Optuna storage, for optuna-dashboard and for people who share studies.

The Parquet records are the truth. Trials enter the storage once they are finished, in one transaction each,
so that it never holds a running one; where it does not match the records it is built anew from them.
"""

import contextlib
from collections.abc import Iterator, Sequence

import optuna
from optuna.study import StudyDirection
from sqlalchemy.exc import SQLAlchemyError

from sweep.errors import RunError, SweepError

_OWNER = "sweep_experiment"


class Mirror:
    """One study in a storage, holding a copy of the finished trials."""

    def __init__(
        self, storage: optuna.storages.BaseStorage, name: str, owner: str, directions: list[StudyDirection]
    ) -> None:
        self._storage, self._name, self._owner, self._directions = storage, name, owner, directions
        self._study: optuna.Study | None = None

    def hold(self, trials: Sequence[optuna.trial.FrozenTrial]) -> None:
        """Make the storage hold these trials and no others; SweepError if the name is somebody else's."""
        with _refusals(self._name):
            with contextlib.suppress(KeyError):
                stored = optuna.load_study(study_name=self._name, storage=self._storage)
                if stored.user_attrs.get(_OWNER) != self._owner:
                    raise SweepError(
                        f"the storage has a study {self._name!r} that this experiment did not make; "
                        "rename the experiment file, or use another storage"
                    )
                if _content(stored.get_trials(deepcopy=False)) == _content(trials):
                    self._study = stored
                    return
                optuna.delete_study(study_name=self._name, storage=self._storage)
            self._study = optuna.create_study(study_name=self._name, storage=self._storage, directions=self._directions)
            self._study.set_user_attr(_OWNER, self._owner)
            self._study.add_trials(trials)

    def add(self, trial: optuna.trial.FrozenTrial) -> None:
        """Copy one more finished trial."""
        assert self._study is not None, "hold() comes first"
        with _refusals(self._name):
            self._study.add_trial(trial)


def open_storage(url: str) -> optuna.storages.RDBStorage:
    """Optuna's storage at a database URL; SweepError if there is none. The URL's password is never printed."""
    try:
        return optuna.storages.RDBStorage(url)
    except (SQLAlchemyError, ValueError, ImportError, RuntimeError) as error:
        reason = _reason(error)
        kind = RunError if "disk is full" in reason else SweepError
        raise kind(f"--storage {_without_password(url)}: cannot be opened ({type(error).__name__}: {reason})") from None


def _content(trials: Sequence[optuna.trial.FrozenTrial]) -> list[tuple[object, ...]]:
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


def _reason(error: Exception) -> str:
    """What the database itself said, in one line."""
    cause = error.__cause__ or error
    return str(getattr(cause, "orig", None) or cause).splitlines()[0]


def _without_password(url: str) -> str:
    from sqlalchemy.engine import make_url

    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "(not a database URL)"
