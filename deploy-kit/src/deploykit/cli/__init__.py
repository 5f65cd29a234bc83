"""The command line: `deploy-kit`. Commands are imported only when they are called."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from deploykit.base.errors import DeployKitError
from deploykit.base.printable import printable_output
from deploykit.base.times import with_local
from deploykit.base.trouble import Trouble
from deploykit.cli.summaries import SUMMARIES

COMMANDS = {
    "approve": "deploykit.cli.decisions:approve",
    "bugs": "deploykit.cli.bugs:bugs",
    "compare": "deploykit.cli.compare:compare",
    "completion": "deploykit.cli.completion:completion",
    "database": "deploykit.cli.database:database",
    "deploy": "deploykit.cli.deploy:deploy",
    "dev": "deploykit.cli.dev:dev",
    "doctor": "deploykit.cli.host:doctor",
    "drift": "deploykit.cli.drift:drift",
    "env": "deploykit.cli.env:env",
    "evidence": "deploykit.cli.evidence:evidence",
    "explain": "deploykit.cli.explain:explain",
    "gate": "deploykit.cli.gate:gate",
    "history": "deploykit.cli.ledger:history",
    "hold": "deploykit.cli.decisions:hold",
    "image": "deploykit.cli.host:image",
    "init": "deploykit.cli.site:init",
    "job": "deploykit.cli.job:job",
    "ledger": "deploykit.cli.ledger:ledger",
    "mirror": "deploykit.cli.mirror:mirror",
    "notify": "deploykit.cli.notify:notify",
    "overrule": "deploykit.cli.decisions:overrule",
    "pod": "deploykit.cli.pod:pod",
    "policy": "deploykit.cli.policy:policy",
    "pool": "deploykit.cli.pool:pool",
    "logs": "deploykit.cli.logs:logs",
    "pin": "deploykit.cli.decisions:pin",
    "promote": "deploykit.cli.train:promote",
    "release": "deploykit.cli.release:release",
    "renew": "deploykit.cli.deploy:renew",
    "rollback": "deploykit.cli.deploy:rollback",
    "secrets": "deploykit.cli.secrets:secrets",
    "settings": "deploykit.cli.settings:settings",
    "setup": "deploykit.cli.host:setup",
    "simulate": "deploykit.cli.explain:simulate",
    "status": "deploykit.cli.ledger:status",
    "train": "deploykit.cli.train:train",
    "unhold": "deploykit.cli.decisions:unhold",
    "unpin": "deploykit.cli.decisions:unpin",
    "unwaive": "deploykit.cli.decisions:unwaive",
    "vagrant": "deploykit.cli.vagrant:vagrant",
    "veto": "deploykit.cli.decisions:veto",
    "waive": "deploykit.cli.decisions:waive",
    "web": "deploykit.cli.web:web",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when called, so that `--help` and completion are fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [name for name in SUMMARIES if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=SUMMARIES[name]) for name in names]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from deploykit.base.yamlfile import nearest

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            hint = nearest(args[0], frozenset(COMMANDS))
            raise click.UsageError(f"{error.message} {hint}", ctx) from None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="deploy-kit", prog_name="deploy-kit")
@click.option(
    "--site",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="DEPLOY_KIT_SITE",
    help="The site's folder. Default: deploy-kit/ of the checkout you stand in.",
)
@click.pass_context
def cli(ctx: click.Context, site: Path | None) -> None:
    """Carry releases through environments: cut, deploy, check, record, promote.

    \b
    deploy-kit train                     the newest release, as far as policy lets it
    deploy-kit status                    which release runs where, on what evidence
    deploy-kit env ssh test salt         a shell on a node
    deploy-kit rollback production       back to the release before
    """
    ctx.obj = site


def main() -> None:
    """Entry point: prints a DeployKitError once, with its remedy, and exits 0, 1 or 2."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)  # a closed terminal leaves nothing behind either
    _take_utf8()
    with printable_output():
        _main()


def _take_utf8() -> None:
    """Start again if names of files are not UTF-8 to Python: one folder would be another site in
    another locale. What is printed stays in the terminal's encoding."""
    if sys.getfilesystemencoding() == "utf-8":
        return
    encoding = f"{sys.stdout.encoding}:replace"
    env = {"PYTHONIOENCODING": encoding, **os.environ, "PYTHONUTF8": "1"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], env)  # noqa: S606


def _main() -> NoReturn:
    from gitshelf.base.errors import GitshelfError

    try:
        status = cli.main(standalone_mode=False, prog_name="deploy-kit")
    except click.exceptions.Abort:
        _tell("stopped", "the same command goes on from here")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (DeployKitError, GitshelfError) as error:
        _tell(error.message, error.remedy)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _tell("stopped", "the same command goes on from here")
        sys.exit(130)
    except UnicodeDecodeError as error:
        _tell(f"a file is not UTF-8 text: {error.reason} at byte {error.start}", "")
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        trouble = Trouble.of(error)
        _tell(trouble.text, trouble.remedy)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _tell(message: str, remedy: str) -> None:
    title = "error: "
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        # To the stream behind: what is meant as colour does not pass what makes text printable.
        behind = getattr(sys.stderr, "rich_proxied_file", sys.stderr)
        behind.write(click.style(title, fg="red", bold=True))
        title = ""
    click.echo(f"{title}{with_local(message)}", err=True)
    for line in remedy.splitlines():
        click.echo(f"  {with_local(line)}", err=True)
