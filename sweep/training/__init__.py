"""Training one trial from its seeds: the real Keras model, the tutorial's loop, the compiled program that equals it.

For the execution of a run. Begin with `trial.py`, then `trainer.py` (the contract) and `fit.py` (to be read).
"""
