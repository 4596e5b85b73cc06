"""The compiled program in JAX: Keras's own layers through `stateless_call`, JAX's own gradient.

Begin with `program.py`.
"""
