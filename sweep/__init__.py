"""What can an LSTM remember? A harness for hyperparameter sweeps and honest comparison."""
