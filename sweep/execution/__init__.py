"""A run: trials handed out in rounds, trained here or by workers, recorded by the only process that writes.

For `sweep run`, `confirm` and `plan`. Begin with `rounds.py`; `executor.py` says what an executor is.
"""
