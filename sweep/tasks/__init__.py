"""The tasks: their parameters, what sequences there are, and which of their steps can be predicted.

For training and for what is said of it. Begin with `task.py` (the contract); `increasing.py` is the shortest one, and
`registry.py` finds each by its name.
"""
