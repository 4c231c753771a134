"""What several unit tests stand on."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from scened import formats


@pytest.fixture
def without_extras(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take away the codecs that the extras bring."""
    monkeypatch.setitem(sys.modules, "rawpy", None)
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    formats._is_installed.cache_clear()
    yield
    formats._is_installed.cache_clear()
