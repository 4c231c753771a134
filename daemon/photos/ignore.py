"""What is left alone: hidden things, caches, trash, and whatever ignore files say."""

from __future__ import annotations

import logging
import os

from pathspec import GitIgnoreSpec

__all__ = ["IGNORE_FILES", "FolderRules", "RulesInOrder", "root_rules", "rules_for"]

logger = logging.getLogger(__name__)

NOMEDIA = b".nomedia"  # Android's sign: nothing in this folder or below is for a gallery
SCENEDIGNORE = b".scenedignore"  # patterns as in .gitignore
IGNORE_FILES = frozenset({NOMEDIA, SCENEDIGNORE})

# Folders of other programs: thumbnails, trash, and libraries whose inside is not for us
FOLDER_NAMES = frozenset(
    {
        b"@eaDir",
        b"#recycle",
        b"$RECYCLE.BIN",
        b"System Volume Information",
        b"lost+found",
        b"__MACOSX",
        b"node_modules",
    }
)
FOLDER_SUFFIXES = (b".lrdata", b".photoslibrary", b".photolibrary", b".aplibrary", b".app")


class FolderRules:
    """What one folder of a root takes part with; made from the root downwards."""

    def __init__(
        self, path: bytes, folder: bytes, inherited: tuple[tuple[bytes, GitIgnoreSpec], ...]
    ) -> None:
        self.path = path
        self.folder = folder
        self._patterns = inherited

    def followed(self) -> FolderRules | None:
        """Return the rules with those of its own ignore files, or None when it is left alone."""
        if os.path.lexists(self.path + b"/" + NOMEDIA):
            return None
        own = _patterns(self.path)
        inherited = self._patterns if own is None else (*self._patterns, (self.folder, own))
        return FolderRules(self.path, self.folder, inherited)

    def takes_file(self, name: bytes) -> bool:
        """Tell whether a file directly in this folder is looked at, by its name alone."""
        return not name.startswith(b".") and not self._matches(name)

    def inside(self, name: bytes) -> FolderRules | None:
        """Return the rules of a folder inside this one without those of its own ignore files.

        None where its name alone says that it is left alone.
        """
        if name.startswith(b".") or name in FOLDER_NAMES or name.endswith(FOLDER_SUFFIXES):
            return None
        if self._matches(name + b"/"):
            return None
        folder = self.folder + b"/" + name if self.folder else name
        return FolderRules(self.path + b"/" + name, folder, self._patterns)

    def enter(self, name: bytes) -> FolderRules | None:
        """Return the rules of a folder inside this one, or None when it is left alone."""
        rules = self.inside(name)
        return rules.followed() if rules is not None else None

    def _matches(self, name: bytes) -> bool:
        if not self._patterns:  # as nearly everywhere
            return False
        path = self.folder + b"/" + name if self.folder else name
        verdict = False
        for base, patterns in self._patterns:
            relative = path[len(base) + 1 :] if base else path
            found = patterns.check_file(os.fsdecode(relative)).include
            if found is not None:
                verdict = found  # the ignore file nearest to the photo has the last word
        return verdict


class RulesInOrder:
    """The rules of folders of a root; those on the way to the last one are kept for the next.

    So folders asked for in order cost the same however deep they lie.
    """

    def __init__(self, root: bytes) -> None:
        self._way: list[FolderRules | None] = [root_rules(root)]
        self._names: list[bytes] = []

    def of(self, folder: bytes) -> FolderRules | None:
        """Return the rules of a folder, or None when it or one above is left alone.

        A link is left alone: what it leads to is looked at where it lies.
        """
        names = folder.split(b"/") if folder else []
        shared = 0
        while shared < min(len(names), len(self._names)) and names[shared] == self._names[shared]:
            shared += 1
        del self._way[shared + 1 :]
        for name in names[shared:]:
            above = self._way[-1]
            rules = above.enter(name) if above is not None else None
            self._way.append(None if rules is None or _is_link(rules.path) else rules)
        self._names = names
        return self._way[-1]


def root_rules(root: bytes) -> FolderRules | None:
    """Return the rules of a root's own folder, or None when it asks to be left alone."""
    return FolderRules(root, b"", ()).followed()


def rules_for(root: bytes, folder: bytes) -> FolderRules | None:
    """Return the rules of any folder of a root, or None when it or one above is left alone.

    A link is left alone: what it leads to is looked at where it lies.
    """
    return RulesInOrder(root).of(folder)


def _is_link(path: bytes) -> bool:
    return os.path.islink(path)  # noqa: PTH114 - bytes, and False where it cannot be asked


def _patterns(path: bytes) -> GitIgnoreSpec | None:
    try:
        # utf-8-sig: editors on Windows begin the file with a byte order mark
        with open(  # noqa: PTH123 - bytes
            path + b"/" + SCENEDIGNORE, encoding="utf-8-sig", errors="surrogateescape"
        ) as file:
            words = file.read()
    except OSError:
        return None
    return GitIgnoreSpec.from_lines(line for line in words.splitlines() if _is_pattern(line))


def _is_pattern(line: str) -> bool:
    """Tell whether a line of an ignore file can be followed; as git does, pass over the others."""
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError as error:
        logger.debug("%s: %s", os.fsdecode(SCENEDIGNORE), error)
        return False
    return True
