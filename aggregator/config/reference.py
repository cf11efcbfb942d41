"""The reference of config.toml, written from the same tables the file is read by."""

from __future__ import annotations

from .keys import TABLES
from .lists import RULE, SKIP
from .tables import Key, Table

INTRODUCTION = """\
# config.toml

Every key there is. This page is rendered from the tables that the file is read by (`aggregator/config/`).
`aggregator check` lists all problems at once: `file:line:column: key: what is wrong; what to write`.
With `--online` it also fetches every source once. Editors complete and explain the keys: see the end.

- Durations are a whole number and a unit in quotes: `"90s"` `"20m"` `"6h"` `"7d"` `"2w"`.
- Sizes likewise: `"512KB"` and `"10MB"` are decimal, `"10MiB"` is binary.
- A secret may stand elsewhere: `"env:NAME"` is the environment variable, `"file:PATH"` the file, relative to
  the configuration file. What they hold is never shown.
- Unknown keys and tables are errors.
"""

EDITORS = """\
## Editors

`config.schema.json` (written by `aggregator schema`) describes the file to editors. Put it beside your file
and name it in the first line, as the shipped `config.toml` does:

    #:schema ./config.schema.json

Even Better TOML (Visual Studio Code) and whatever else uses taplo's language server (Helix, Neovim, Emacs)
then complete keys and values, explain them and mark what is wrong; `taplo check` does so in a terminal.
`aggregator check` knows more: sections that are not there, durations out of range, secrets that are not set.
"""


def render_reference() -> str:
    """`docs/config.md`, to the letter."""
    tables = "\n".join(_render_table(table) for table in (*TABLES, SKIP, RULE))
    return f"{INTRODUCTION}\n{tables}\n{EDITORS}"


def _render_table(table: Table) -> str:
    title = f"`{table.header}`" if table.header.startswith("[") else f"`{table.name}`"
    rows = "".join(_render_key(key) for key in table.keys)
    return f"## {title}\n\n{table.says}\n\n| key | value | default | meaning |\n|---|---|---|---|\n{rows}"


def _render_key(key: Key) -> str:
    default = key.default_says or (
        f"`{key.default}`" if key.default else "required" if key.example else "none"
    )
    says = f"{key.says} No effect in this version." if key.unused else key.says
    return f"| `{key.name}` | {key.expects} | {default} | {says} |\n"
