"""Templates and their filters: what becomes HTML is escaped, what becomes Markdown shows as it is."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.reporting.look.display import DASH, columns
from sweep.reporting.look.drawing import COLOURS, Drawing

if TYPE_CHECKING:
    import jinja2

_TEMPLATES = Path(__file__).parent / "templates"


def rendered(template: str, shown: dict[str, Any], folder: Path = _TEMPLATES) -> str:
    """The text that `template`, from `folder`, makes of what is `shown`."""
    return _environment(folder).get_template(template).render(shown).strip() + "\n"


def trusted(text: str) -> Any:
    """Text of our own that Jinja must not escape again."""
    import markupsafe

    return markupsafe.Markup(text)


@cache
def _environment(folder: Path) -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _TEMPLATES]),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    environment.globals |= {"script": trusted(script), "script_hash": _hash(script)}
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    environment.globals |= {"style": trusted(style), "style_hash": _hash(style)}
    environment.filters |= {"columns": columns, "inline": _inline, "md": _markdown, "unbroken": _unbroken}
    return environment


def _inline(drawing: Drawing, prefix: str) -> Any:
    """The drawing for the page: its colours by the page's names, so that they follow light and dark.

    Only attributes are touched (`style="fill: #1f2328"`); a text that reads like a colour stays as it is. Its
    ids get the `prefix` of its experiment: two of a page may have figures of the same name.
    """

    def by_name(match: re.Match[str]) -> str:
        attribute: str = match.group(0)
        for colour, name in COLOURS.items():
            attribute = attribute.replace(colour, f"var(--{name})")
        return attribute.replace("url(#", f"url(#{prefix}")

    svg = re.sub(r'(?<= )style="[^"<>]*"', by_name, drawing.svg)
    svg = re.sub(r'(?<= )(id="|(?:xlink:)?href="#|clip-path="url\(#)', lambda match: match.group(1) + prefix, svg)
    return trusted(svg.replace("<svg ", '<svg role="img" aria-hidden="true" ', 1).strip())


def _unbroken(text: str) -> str:
    """The text with no line break inside `name = value` or inside an interval."""
    return text.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}").replace(
        DASH, f"\N{WORD JOINER}{DASH}\N{WORD JOINER}"
    )


def _markdown(value: Any) -> str:
    """A text that Markdown shows as it is: no markup, no HTML, one line."""
    text = re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", " ".join(str(value).split()))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _hash(text: str) -> str:
    """What the page's policy knows its only script and its only style sheet by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
