"""scened looks at every photo once and writes what it saw to SQLite.

Other programs read a library through `scened.Library`, which is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scened.library import Library

__all__ = ["Library", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load what is named on first use, so that `import scened` alone stays light."""
    if name == "Library":
        return importlib.import_module("scened.library").Library
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
