"""Training: the tutorial's literal loop and the compiled program that must equal it."""
