"""How words, numbers and figures look in every report and table.

Begin with `display.py`.
"""
