"""What is said of results: the answer, how sure it is, tables, cautions. Nothing here draws.

Begin with `answer.py`.
"""
