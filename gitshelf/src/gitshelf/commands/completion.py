"""`gitshelf completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(
    epilog="""\b
Examples:
  eval "$(gitshelf completion bash)"             (in ~/.bashrc)
  eval "$(gitshelf completion zsh)"              (in ~/.zshrc, after compinit)
  gitshelf completion fish > ~/.config/fish/completions/gitshelf.fish
"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes SHELL complete gitshelf's commands, options and file names."""
    completion_class = get_completion_class(shell)
    assert completion_class is not None
    root = context.find_root().command
    click.echo(completion_class(root, {}, "gitshelf", "_GITSHELF_COMPLETE").source())
