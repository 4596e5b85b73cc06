"""This machine: backend, devices, compiler, the cache of programs, loading Keras, versions.

For whoever trains. Nearly all state of a process lives here. Begin with `loading.py`.
"""
