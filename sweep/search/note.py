"""What optuna-dashboard says of a trial: its configuration, as a table in Markdown."""

import html
import json
import re
from typing import Any

from sweep.experiment.configuration import Configuration

# What Markdown may take for more than text, but for a point within a number and an underscore within a name.
_MARKDOWN = re.compile(r"[\\`*{}\[\]()#+!|~:@$=]|(?<![^\W_])_|_(?![^\W_])|(?<!\d)\.|\.(?!\d)")


def configuration_table(configuration: Configuration) -> str:
    """Every parameter with its value, a row each, under the section of the file that it belongs to.

    What a file holds of Markdown or HTML is shown as it was written, and does nothing.
    """
    rows = [("section", "parameter", "value"), ("---", "---", "---")]
    for section, parameters in configuration.model_dump(mode="json").items():
        for name, value in parameters.items():
            rows.append((section, _plain(name), _plain(_written(value))))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _written(value: Any) -> str:
    """A value as it is written in the file, or a dash for none."""
    if value is None:
        return "\u2013"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> str:
    """Text that Markdown and HTML show as it is.

    >>> _plain("unit_forget 0.5 a|b <i> *c*")
    'unit_forget 0.5 a&#124;b &lt;i&gt; &#42;c&#42;'
    """
    escaped = _MARKDOWN.sub(lambda sign: f"\0{ord(sign[0])}\0", " ".join(text.split()))
    return re.sub("\0(\\d+)\0", r"&#\1;", html.escape(escaped))
