"""Results on disk, and as data frames: outcomes, records, the store, rankings, exports.

For everything that writes or reads results. Begin with `store.py`; `results.py` says what readers get.
"""
