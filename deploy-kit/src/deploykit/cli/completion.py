"""`deploy-kit completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands, options and file names.

    \b
    eval "$(deploy-kit completion bash)"             (in ~/.bashrc)
    eval "$(deploy-kit completion zsh)"              (in ~/.zshrc, after compinit)
    deploy-kit completion fish > ~/.config/fish/completions/deploy-kit.fish
    """
    completer = get_completion_class(shell)
    assert completer is not None
    root = ctx.find_root().command
    click.echo(completer(root, {}, "deploy-kit", "_DEPLOY_KIT_COMPLETE").source())
