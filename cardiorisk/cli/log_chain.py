"""``cardiorisk log verify``, ``seal-key``, ``checkpoint`` and ``prune``: is the bitácora whole?"""

import time
from contextlib import suppress
from pathlib import Path

import click

from cardiorisk.bitacora import files as logs
from cardiorisk.bitacora.chain import Checkpoint, read_checkpoint
from cardiorisk.bitacora.seal import INSTALL_KEY, VERIFY_KEY, make_pair, read_key
from cardiorisk.bitacora.verification import verify as verify_files
from cardiorisk.cli.group import CommandFailure, examples
from cardiorisk.cli.log_reports import progress_bar
from cardiorisk.cli.options import log_dir_option, read_moment


def _read_against(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> Checkpoint | None:
    """Read a checkpoint's line, or the last one of a file."""
    if text is None:
        return None
    found = read_checkpoint(text.strip().encode() + b"\n")
    with suppress(OSError):
        found = found or logs.last_checkpoint(Path(text))
    if found is None:
        raise click.BadParameter("it is no line of `log checkpoint`, and no file with one")
    return found


@click.command(
    epilog=examples(
        "cardiorisk log verify --key /media/safe/verify.key /srv/copies/logs",
        "cardiorisk log verify --against checkpoint.json",
    )
)
@log_dir_option
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file verify.key that `log seal-key` made; without it seals are not checked.",
)
@click.option(
    "--against",
    metavar="CHECKPOINT",
    callback=_read_against,
    help="A checkpoint that was kept elsewhere, or a file with it: it must be there.",
)
def verify(
    *,
    bases: list[Path],
    files: tuple[Path, ...],
    key_file: Path | None,
    against: Checkpoint | None,
) -> None:
    """Tell whether the bitácora is whole, or what is wrong.

    Without FILES: every file, rotated and compressed ones too. FILES are directories, or some files
    of one bitácora. Run it on another machine than the service's, with the key that was kept there:
    whoever has taken a machine says there what he likes. Exit 1: not whole.
    """
    if key_file is not None and key_file.name == INSTALL_KEY:
        raise click.UsageError(f"{key_file} is the service's and has moved on; give {VERIFY_KEY}")
    if files:
        bases = [base for place in files if place.is_dir() for base in logs.list_bases(place)]
    chosen = {base: logs.list_files(base) for base in bases}
    whole = set(chosen)
    named = [file for file in files if not file.is_dir()]
    for base in map(logs.base_of, named):
        chosen[base] = logs.in_order(file for file in named if logs.base_of(file) == base)
        if chosen[base] == logs.list_files(base):
            whole.add(base)
    if not any(chosen.values()):
        raise CommandFailure(f"there is no bitácora at {', '.join(map(str, chosen))}")
    if len(chosen) > 1 and (key_file or against):
        raise click.UsageError(
            f"--key and --against are for one bitácora, and here are {len(chosen)}: name its files"
        )
    verdicts = [
        _verify(base, found, key_file, against, is_all=base in whole)
        for base, found in sorted(chosen.items())
    ]
    if not all(verdicts):
        raise click.exceptions.Exit(1)


def _verify(
    base: Path,
    files: list[logs.LogFile],
    key_file: Path | None,
    against: Checkpoint | None,
    *,
    is_all: bool,
) -> bool:
    """Verify one bitácora, tell what was found, and return whether it is whole."""
    key = read_key(key_file) if key_file else None
    with progress_bar(f"Verifying {base}", [file.path for file in files]) as bar:
        verdict = verify_files(files, key=key, against=against, is_all=is_all, progress=bar.update)
    # One that is rotated meanwhile has another file where one was to be read.
    if verdict.fault and is_all and (now := logs.list_files(base)) != files:
        return _verify(base, now, key_file, against, is_all=True)
    seen = f"{verdict.lines:,} lines in {len(files)} file(s)"
    if deleted := sum(not file.has_lines for file in files):
        seen += f", {deleted} of them deleted but for their checkpoints"
    if (last := verdict.last) is not None:
        is_sealed = "sealed" if last.seal else "chained"
        seen += f", {is_sealed} by {verdict.checkpoints:,} checkpoints until {last.ts}"
    if verdict.open_lines:
        seen += f"; {verdict.open_lines:,} since then"
    is_whole = verdict.fault is None and not verdict.losses
    click.echo(f"{base}: {'whole' if is_whole else 'NOT WHOLE'}: {verdict.fault or seen}")
    for said in (*verdict.losses, *verdict.notes):
        click.echo(f"  {said}")
    return is_whole


@click.command("seal-key", epilog=examples("cardiorisk log seal-key keys"))
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def seal_key(*, directory: Path) -> None:
    """Make a pair of keys that seal the bitácora.

    The service gets DIR/install.key (CARDIORISK_SEAL_KEY_FILE), where it may write to it: it moves
    on each minute. Move DIR/verify.key to where `log verify` runs, and leave no copy: it can forge.
    One pair for each process. Keys that exist are never replaced.
    """
    try:
        make_pair(directory, time.time())
    except FileExistsError as error:
        raise CommandFailure(f"{error.filename} exists, and keys are never replaced") from error
    click.echo(f"{directory / INSTALL_KEY}: for the service, CARDIORISK_SEAL_KEY_FILE")
    click.echo(f"{directory / VERIFY_KEY}: move it to another machine; leave no copy here")


@click.command(epilog=examples("cardiorisk log checkpoint | ssh elsewhere 'cat >> checkpoints'"))
@log_dir_option
def checkpoint(*, bases: list[Path]) -> None:
    """Print the newest checkpoint as one line, to keep elsewhere.

    Where several processes write, each one's is printed. `log verify --against` then tells
    whether the bitácora still holds all that it held.
    """
    for base in bases:
        files = (file.path for file in reversed(logs.list_files(base)))
        found = next(filter(None, map(logs.last_checkpoint, files)), None)
        if found is None:
            raise CommandFailure(f"there is no checkpoint in {base}")
        click.echo(found.line, nl=False)


@click.command(epilog=examples("cardiorisk log verify && cardiorisk log prune --before 90d"))
@log_dir_option
@click.option(
    "--before",
    "before_seconds",
    required=True,
    metavar="WHEN",
    callback=read_moment,
    help="Delete what is older than a time (2026-11-22, UTC) or an age (90d).",
)
@click.option("--dry-run", is_flag=True, help="Only tell which files would be deleted.")
def prune(*, bases: list[Path], before_seconds: float, dry_run: bool) -> None:
    """Delete old files and keep their checkpoints.

    Rotated files go all of whose lines are older; what remains still verifies. Verify before: what
    was wrong in a deleted file cannot be told any more.
    """
    for base in bases:
        for file in logs.list_older(base, before_seconds):
            if not dry_run:
                logs.delete_but_checkpoints(base, file)
            click.echo(f"{'would delete' if dry_run else 'deleted'} {file}")
