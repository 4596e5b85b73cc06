"""`python -m sweep` is the command `sweep`."""

from sweep.cli import main

if __name__ == "__main__":  # a spawned worker imports this module too
    main()
