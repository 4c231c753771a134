"""`scened completion`: what a shell needs to complete our commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")


@click.command(
    short_help="Print the script that completes commands.",
    epilog="Example: scened completion bash >> ~/.bashrc",
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands and options.

    bash: append it to ~/.bashrc; zsh: to ~/.zshrc; fish: write it to
    ~/.config/fish/completions/scened.fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows all of SHELLS
    click.echo(kind(context.find_root().command, {}, "scened", "_SCENED_COMPLETE").source())
