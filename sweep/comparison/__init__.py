"""Two or more sets of replicates against each other: difference, interval, verdict.

For `sweep compare` and for reports. Begin with `compare.py`; `replicate_sets.py` says which sets.
"""
