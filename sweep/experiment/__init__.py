"""The experiment file: what it may say, what that means, what contradicts itself.

For everything that asks what is to be done. Begin with `file.py`; `experiment.py` is what comes of it.
"""
