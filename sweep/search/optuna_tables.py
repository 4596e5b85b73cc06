"""Optuna's tables, which are private to it: a trial is written in a few statements, where its own way takes twenty."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

_TRIAL = models.TrialModel


def insert_study(
    session: Session, name: str, directions: Sequence[StudyDirection], attributes: Mapping[str, Any]
) -> None:
    """Write a study without trials, together with its user attributes."""
    stored = [
        models.StudyDirectionModel(objective=objective, direction=direction)
        for objective, direction in enumerate(directions)
    ]
    marks = [models.StudyUserAttributeModel(key=key, value_json=json.dumps(value)) for key, value in attributes.items()]
    session.add(models.StudyModel(study_name=name, directions=stored, user_attributes=marks))


def num_trials(session: Session, study: int) -> int:
    """How many trials a study has."""
    return session.scalar(select(func.count()).select_from(_TRIAL).where(_TRIAL.study_id == study)) or 0


def insert_trials(session: Session, study: int, first: int, trials: Sequence[FrozenTrial]) -> None:
    """Write trials, of which the first has the number `first`, as Optuna's tables hold them."""
    rows = [
        {
            "number": number,
            "study_id": study,
            "state": trial.state,
            "datetime_start": trial.datetime_start,
            "datetime_complete": trial.datetime_complete,
        }
        for number, trial in enumerate(trials, start=first)
    ]
    session.execute(insert(_TRIAL), rows)
    ids = session.scalars(
        select(_TRIAL.trial_id).where(_TRIAL.study_id == study, _TRIAL.number >= first).order_by(_TRIAL.number)
    )
    rows_of: dict[Any, list[dict[str, Any]]] = {}
    for trial_id, trial in zip(ids.all(), trials, strict=True):
        if body := trial.system_attrs.get("note"):  # as optuna-dashboard keeps it
            note = {f"dashboard:{trial_id}:note_ver": 1, f"dashboard:{trial_id}:note_str:0": body}
            rows_of.setdefault(models.StudySystemAttributeModel, []).extend(
                {"study_id": study, "key": key, "value_json": json.dumps(value)} for key, value in note.items()
            )
        for kind, columns in _parts(trial):
            rows_of.setdefault(kind, []).append({"trial_id": trial_id} | columns)
    for kind, parts in rows_of.items():
        session.execute(insert(kind), parts)


def _parts(trial: FrozenTrial) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The rows of the tables that lead to a trial, each with the table's class."""
    for objective, value in enumerate(trial.values or ()):
        stored, type_ = models.TrialValueModel.value_to_stored_repr(value)
        yield models.TrialValueModel, {"objective": objective, "value": stored, "value_type": type_}
    for step, value in trial.intermediate_values.items():
        kind = models.TrialIntermediateValueModel
        stored, report_type = kind.intermediate_value_to_stored_repr(value)
        yield kind, {"step": step, "intermediate_value": stored, "intermediate_value_type": report_type}
    for name, value in trial.params.items():
        distribution = trial.distributions[name]
        yield (
            models.TrialParamModel,
            {
                "param_name": name,
                "param_value": distribution.to_internal_repr(value),
                "distribution_json": distribution_to_json(distribution),
            },
        )
    if trial.intermediate_values:
        number = f"{trial.user_attrs['trial']:06d}"
        picture = {"artifact_id": number, "filename": "curve.svg", "mimetype": "image/svg+xml", "encoding": None}
        value = json.dumps(json.dumps(picture))
        yield models.TrialSystemAttributeModel, {"key": f"artifacts:{number}", "value_json": value}
    for key, value in trial.user_attrs.items():
        yield models.TrialUserAttributeModel, {"key": key, "value_json": json.dumps(value)}
