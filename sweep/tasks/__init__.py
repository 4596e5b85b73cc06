"""The tasks: what sequences there are, and which of their steps can be predicted.

For training and for what is said of it. Begin with `task.py` (the contract); `increasing.py` is the shortest one.
"""
