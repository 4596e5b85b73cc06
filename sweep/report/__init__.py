"""Reports: tables, figures, and the page and the Markdown that hold them."""
