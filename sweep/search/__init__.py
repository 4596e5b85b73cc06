"""Optuna's part: which configurations are tried, ended early, confirmed, and copied into a storage.

For the execution of a run. Begin with `samplers.py`.
"""
