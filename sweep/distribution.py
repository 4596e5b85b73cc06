"""What this package is called where packages are installed from: on the Python index, `sweep` is another project's."""

NAME = "lstm-sweep"


def installing(extra: str = "") -> str:
    """What to type to install it, with an extra; from its own folder, as long as it is not on the index.

    >>> installing("workers")
    'in the folder of its source: pip install ".[workers]"'
    """
    return 'in the folder of its source: pip install "' + (f".[{extra}]" if extra else ".") + '"'
