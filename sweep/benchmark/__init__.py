"""What training costs here, beside other loops: for `sweep bench` and whoever changes a trainer.

Begin with `measure.py` (who is measured, in turns) and `cases.py` (on what work).
"""
