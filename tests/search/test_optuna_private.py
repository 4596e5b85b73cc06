"""What is used of Optuna's private parts is still where it was: these tests say in a sentence what a release moved."""

import subprocess
import sys

import numpy as np
import pytest
from optuna.samplers._tpe import _truncnorm
from optuna.storages._rdb import models

from sweep.search.optuna_private import prepare_optuna


def test_optunas_logarithm_of_a_normals_tail_is_where_it_was_and_the_same_function() -> None:
    assert callable(getattr(_truncnorm, "_log_ndtr", None)), (
        "optuna.samplers._tpe._truncnorm has no _log_ndtr any more: TPE takes a third longer; mend prepare_optuna"
    )
    fresh = "import optuna.samplers._tpe._truncnorm as t, numpy as np; print(t._log_ndtr(np.array([-30.0, -1.0, 0.5])))"
    own = subprocess.run([sys.executable, "-c", fresh], capture_output=True, text=True, check=True, timeout=300).stdout
    prepare_optuna()
    ours = _truncnorm._log_ndtr(np.array([-30.0, -1.0, 0.5]))
    theirs = np.array(own.strip("[] \n").split(), float)
    assert ours == pytest.approx(theirs, rel=1e-7), "Optuna's _log_ndtr is another function now; mend prepare_optuna"


def test_importing_the_search_changes_nothing_in_optuna() -> None:
    code = (
        "import optuna, scipy.special, sweep.search.samplers, sweep.search.storage_copy, sweep.search.pruning\n"
        "from optuna.samplers._tpe import _truncnorm\n"
        "assert _truncnorm._log_ndtr is not scipy.special.log_ndtr\n"
        "assert optuna.logging.get_verbosity() == optuna.logging.INFO\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


COLUMNS = {
    "StudyModel": {"study_id", "study_name"},
    "StudyDirectionModel": {"study_direction_id", "direction", "study_id", "objective"},
    "StudyUserAttributeModel": {"study_user_attribute_id", "study_id", "key", "value_json"},
    "StudySystemAttributeModel": {"study_system_attribute_id", "study_id", "key", "value_json"},
    "TrialModel": {"trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"},
    "TrialValueModel": {"trial_value_id", "trial_id", "objective", "value", "value_type"},
    "TrialIntermediateValueModel": {
        *("trial_intermediate_value_id", "trial_id", "step", "intermediate_value", "intermediate_value_type"),
    },
    "TrialParamModel": {"param_id", "trial_id", "param_name", "param_value", "distribution_json"},
    "TrialUserAttributeModel": {"trial_user_attribute_id", "trial_id", "key", "value_json"},
    "TrialSystemAttributeModel": {"trial_system_attribute_id", "trial_id", "key", "value_json"},
}


@pytest.mark.parametrize("table", COLUMNS)
def test_optunas_tables_have_the_columns_that_are_written_and_no_other(table: str) -> None:
    model = getattr(models, table, None)
    assert model is not None, f"Optuna has no table {table} any more: mend search/optuna_tables.py"
    assert {column.name for column in model.__table__.columns} == COLUMNS[table], (
        f"the columns of Optuna's {table} have changed: see what search/optuna_tables.py has to write there now"
    )
