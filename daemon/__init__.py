"""scened looks at every photo once and writes what it saw to SQLite."""

__all__ = ["__version__"]

__version__ = "0.1.0"
