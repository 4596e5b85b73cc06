"""The trainer `fused`: all seeds of a trial in one compiled program, on either backend.

Begin with `fused.py`; `program.py` is what the backends share.
"""
