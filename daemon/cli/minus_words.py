"""Words with a minus in front, among options that begin with one too."""

from __future__ import annotations

import re

import click

__all__ = ["MinusWords"]

MINUS_WORD = re.compile(r"-[^\W\d_][^=]+")


class MinusWords(click.Command):
    """A command that takes `-word` for a word, not for four options of one letter."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Move words with a minus behind the options, where they are taken as they are."""
        end = arguments.index("--") if "--" in arguments else len(arguments)
        ours = [each for each in arguments[:end] if MINUS_WORD.fullmatch(each)]
        others = [each for each in arguments[:end] if not MINUS_WORD.fullmatch(each)]
        return super().parse_args(context, [*others, "--", *ours, *arguments[end + 1 :]])
