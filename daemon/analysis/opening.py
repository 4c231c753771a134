"""Open a photo's file, and say in words of ours why it cannot be read."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import warnings
from collections.abc import Iterator
from typing import BinaryIO

from PIL import UnidentifiedImageError

from scened.analysis.metadata import clean_text
from scened.errors import MissingPath, ReadFailed, ScenedError, UnreadablePhoto, UnsupportedFormat

__all__ = ["PhotoPath", "failures_as_reasons", "open_photo"]

PhotoPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]

REASON_CHARACTERS = 100

# What seeking to a nonsensical offset in a sound file gives.
_ERRNO_OF_BAD_CONTENT = (errno.EINVAL, errno.EOVERFLOW, errno.EFBIG)
_NO_CODEC = "its compression has no codec installed"
_OBJECT = re.compile(r"<[^<>]*>")


@contextlib.contextmanager
def open_photo(path: PhotoPath) -> Iterator[BinaryIO]:
    """Open a regular file that is not empty, to read.

    Raises MissingPath, ReadFailed or UnreadablePhoto.
    """
    try:
        # A pipe must not keep us waiting for someone to write.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise MissingPath("no such file") from None
    except OSError as error:
        raise ReadFailed(f"cannot be opened: {error.strerror}") from error
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise UnreadablePhoto("not a regular file")
        if about.st_size == 0:
            raise UnreadablePhoto("the file is empty")
        yield file


@contextlib.contextmanager
def failures_as_reasons() -> Iterator[None]:
    """Turn whatever a decoder raises into our own errors: on damaged bytes it may be anything."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            yield
        except ScenedError:
            raise
        except MemoryError:
            raise UnreadablePhoto("needs more memory to decode than there is") from None
        except UnidentifiedImageError:
            # Pillow warns, and goes on to the next decoder, when it was built without a codec.
            if any("support not installed" in str(warning.message) for warning in said):
                raise UnsupportedFormat(_NO_CODEC) from None
            raise UnreadablePhoto("not a picture that any decoder here recognises") from None
        except Exception as error:
            raise _plain(error) from error


def _plain(error: Exception) -> ScenedError:
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in _ERRNO_OF_BAD_CONTENT:
            return UnreadablePhoto("damaged: it points outside itself")
        return ReadFailed(f"cannot be read: {error.strerror}")
    words = clean_text(_OBJECT.sub("", str(error)))
    if "has not been built in" in words:  # libheif
        return UnsupportedFormat(_NO_CODEC)
    if "truncated" in words.lower():
        return UnreadablePhoto("truncated: the end of the file is missing")
    words = words.split(" (")[0][:REASON_CHARACTERS].rstrip(" :.,")
    return UnreadablePhoto(f"damaged: {words or type(error).__name__}")
