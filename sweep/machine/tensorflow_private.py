"""What is used of TensorFlow's private parts: its library of functions, which are known by their names."""

from typing import Any


def define(definition: Any) -> None:
    """Make a function known to this process by its definition (a FunctionDef), for good."""
    from tensorflow.python.eager import context

    context.context().add_function_def(definition)


def call(name: str, tensors: list[Any], outputs: int) -> Any:
    """The values of the function of that name, so many `outputs` of it."""
    from tensorflow.python.eager import context

    return context.context().call_function(name.encode(), tensors, outputs)
