"""Every way scened fails on purpose: one class each, with its words and its exit code."""

from __future__ import annotations

import enum

__all__ = [
    "AnotherDaemon",
    "BadConfiguration",
    "BadQuery",
    "CannotCreate",
    "DamagedDatabase",
    "DamagedPack",
    "DatabaseUnavailable",
    "ExitCode",
    "ForeignDatabase",
    "MissingExtra",
    "MissingPath",
    "NewerDatabase",
    "NoDaemon",
    "NoEmbedding",
    "NoServiceManager",
    "NotLookedAt",
    "ReadFailed",
    "ScenedError",
    "ServiceFailed",
    "UnreadablePhoto",
    "UnreadableSidecar",
    "UnsupportedFormat",
]


class ExitCode(enum.IntEnum):
    """What a command's exit status means (values above 63 as in BSD's sysexits.h)."""

    DONE = 0
    SOME_FAILED = 1
    USAGE = 2
    BAD_INPUT = 65
    NO_INPUT = 66
    CANNOT_CREATE = 73
    IO_ERROR = 74
    TRY_AGAIN = 75
    CONFIGURATION = 78


class ScenedError(Exception):
    """Something went wrong that the user can be told in one line.

    The message says what happened; `remedy` says what to do about it.
    """

    exit_code: ExitCode = ExitCode.IO_ERROR

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class UnreadablePhoto(ScenedError):
    """The file is not a picture that can be decoded."""

    exit_code = ExitCode.BAD_INPUT


class UnreadableSidecar(ScenedError):
    """The file beside a photo is not XMP that can be read."""

    exit_code = ExitCode.BAD_INPUT


class UnsupportedFormat(ScenedError):
    """The file may well be a picture, but no codec for it is installed."""

    exit_code = ExitCode.BAD_INPUT


class DamagedPack(ScenedError):
    """A pack is missing, damaged, too new, or does not keep the pack interface."""

    exit_code = ExitCode.BAD_INPUT


class ForeignDatabase(ScenedError):
    """The file is not a scened database."""

    exit_code = ExitCode.BAD_INPUT


class DamagedDatabase(ScenedError):
    """The database was a scened database, and some of its bytes are not what they were."""

    exit_code = ExitCode.BAD_INPUT


class DatabaseUnavailable(ScenedError):
    """The database cannot be used for now: its disk is full, or someone else holds it."""

    exit_code = ExitCode.TRY_AGAIN


class NewerDatabase(ScenedError):
    """The database was written by a newer scened."""

    exit_code = ExitCode.BAD_INPUT


class BadQuery(ScenedError):
    """A search says something that cannot be searched for."""

    exit_code = ExitCode.USAGE


class NoEmbedding(ScenedError):
    """There is no embedding to compare: the photo was not analysed, or by another pack."""

    exit_code = ExitCode.BAD_INPUT


class NotLookedAt(ScenedError):
    """Nothing is known yet of what a photo shows."""

    exit_code = ExitCode.TRY_AGAIN


class MissingPath(ScenedError):
    """A file or folder that was named does not exist."""

    exit_code = ExitCode.NO_INPUT


class CannotCreate(ScenedError):
    """A file or folder cannot be created."""

    exit_code = ExitCode.CANNOT_CREATE


class ReadFailed(ScenedError):
    """The system refused to read or write."""

    exit_code = ExitCode.IO_ERROR


class AnotherDaemon(ScenedError):
    """Another daemon holds this database."""

    exit_code = ExitCode.TRY_AGAIN


class NoDaemon(ScenedError):
    """The daemon that should answer does not."""

    exit_code = ExitCode.TRY_AGAIN


class BadConfiguration(ScenedError):
    """The settings file says something that cannot be followed."""

    exit_code = ExitCode.CONFIGURATION


class NoServiceManager(ScenedError):
    """The system has no service manager that scened knows."""

    exit_code = ExitCode.CONFIGURATION


class ServiceFailed(ScenedError):
    """The system's service manager did not do what it was asked to."""

    exit_code = ExitCode.IO_ERROR


class MissingExtra(ScenedError):
    """A command needs libraries that come with an extra, and they are not installed."""

    exit_code = ExitCode.CONFIGURATION
