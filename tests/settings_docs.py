"""The page docs/settings.md, made from the definitions: `python -m tests.settings_docs`."""

from __future__ import annotations

from pathlib import Path

from scened.config import Settings
from scened.settings_file import as_toml

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
WORDS = """# Settings

One TOML file: `settings.toml` in the platform's config folder (`~/.config/scened` on Linux,
`~/Library/Application Support/scened` on macOS), or where `--settings` or `SCENED_SETTINGS` says.
Without a file these defaults hold. A word that is not known or a value out of range is refused,
with the line.

```sh
scened config show                                # every setting, as below, with your values
scened config set gates.battery.on_battery true   # keeps the comments in your file
scened config check                               # what you changed, or what is wrong
```

A running daemon takes a change up within seconds, but for `limits` and `analysis`, which hold from
its next start. A file with a mistake changes nothing, and the log says so. Every gate has
`enabled`: where that is false, it never makes the work wait.

```toml
{settings}```

`scened status` shows every gate with its reading and limit. `scened pause 2h`, `scened boost 30m`
and `scened resume` overrule them; a boost does not overrule heat and disk.
"""


def page() -> str:
    """Return the page as it should be."""
    return WORDS.format(settings=as_toml(Settings()))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
