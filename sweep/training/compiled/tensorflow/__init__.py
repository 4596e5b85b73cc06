"""The compiled program in TensorFlow: cells and gradients written out over packed matrices.

Begin with `program.py`.
"""
