"""What is drawn of results, a file a kind of figure.

Begin with `sections.py`, which says when each is shown.
"""
