"""Writing files and folders as a whole: a reader sees the former content or the new one, never a part of it.

The new content is written beside the target, under a name that no other writer has, and then renamed. An error leaves the former
content as it was and removes what was written. Only a process that is killed outright leaves its temporary file behind; the next
writer in the folder removes such files once they are a day old.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from foretell.errors import UserError

#: The end of the names of temporary files and folders, and of a former folder while the new one takes its place.
SUFFIX, FORMER_SUFFIX = ".foretell-partial", ".foretell-former"
#: Age in seconds from which a temporary file belongs to a process that was killed.
STALE_SECONDS = 24 * 3600.0

#: Temporary files and folders that are being written now, for a process that is about to end at once.
_unfinished: set[Path] = set()
#: Numbers of the system's errors for what may not be written.
NO_ACCESS = {errno.EACCES, errno.EPERM, errno.EROFS}
_NO_SPACE = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


class FileWriteError(UserError):
    """A file or folder cannot be written. The message names the path, the reason and the remedy."""


@contextmanager
def atomic_path(path: str | Path, durable: bool = True) -> Iterator[Path]:
    """The path of a temporary file to write within the `with`; at its end the file takes the place of `path`.

    A link is followed, and the permissions of a former file are kept. durable: wait until the content is on the disk before the
    former file is replaced, so that a power cut loses neither; False for what can be made again, such as entries of a cache.

    Raises FileWriteError where the folder is missing or cannot be written, the disk is full, or `path` is no regular file. All other
    exceptions of the block pass unchanged. In each case the former file is as it was and the temporary file is gone.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder, "numbers.txt")) as temporary:
    ...         _ = temporary.write_text("1 2 3")
    ...     Path(folder, "numbers.txt").read_text(), len(list(Path(folder).iterdir()))
    ('1 2 3', 1)
    """
    target = _resolved(path)
    if target.exists() and not target.is_file():
        kind = "a folder" if target.is_dir() else "not a regular file"
        raise FileWriteError(f"{path}: it is {kind}; give the path of a file")
    partial = _neighbour(target, SUFFIX)
    try:
        with _explained(path, partial):
            remove_stale(target.parent)
            _unfinished.add(partial)
            yield partial
            if durable:
                _sync(partial)
            if target.exists():
                shutil.copymode(target, partial)
            os.replace(partial, target)
            if durable:
                _sync_folder(target.parent)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        _unfinished.discard(partial)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """The path of a temporary folder to fill within the `with`; at its end the folder takes the place of `path`, as a whole.

    The temporary folder exists when the block begins; so do, then, the folders above `path`. Raises as `atomic_path` does.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     with atomic_folder(Path(home, "model")) as temporary:
    ...         _ = (temporary / "weights.bin").write_bytes(b"0")
    ...     [file.name for file in Path(home, "model").iterdir()]
    ['weights.bin']
    """
    above = Path(os.path.realpath(path)).parent
    with _explained(path, above):
        above.mkdir(parents=True, exist_ok=True)
    target = _resolved(path)
    if target.exists() and not target.is_dir():
        raise FileWriteError(f"{path}: it is a file; give the path of a folder")
    partial = _neighbour(target, SUFFIX)
    try:
        with _explained(path, partial):
            remove_stale(target.parent)
            _unfinished.add(partial)
            partial.mkdir()
            yield partial
            for file in partial.rglob("*"):
                if file.is_file():
                    _sync(file)
            _replace_folder(partial, target)
            _sync_folder(target.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _unfinished.discard(partial)


def remove_unfinished() -> None:
    """Remove what is being written now, before a process ends without leaving its blocks; the former contents stay."""
    for path in list(_unfinished):
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_bytes(path: str | Path, data: bytes, durable: bool = True) -> None:
    """Replace the content of a file; errors and `durable` as in `atomic_path`."""
    with atomic_path(path, durable) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str, durable: bool = True) -> None:
    """Replace the content of a file by `text` in UTF-8; errors and `durable` as in `atomic_path`."""
    write_bytes(path, text.encode("utf-8"), durable)


def check_output_path(path: str | Path | None, option: str) -> None:
    """Refuse an output file that could not be written, before the work whose result it is to hold.

    path: None where no file is wanted. option: for the message, as users write it. Raises UserError where the folder is missing or
    `path` is a folder itself.

    >>> check_output_path("absent/report.html", "--report")
    Traceback (most recent call last):
    ...
    foretell.errors.UserError: --report absent/report.html: the folder absent does not exist; create it first
    """
    if path is None:
        return
    parent = Path(path).parent
    if not parent.is_dir():
        raise UserError(f"{option} {path}: the folder {parent} does not exist; create it first")
    if Path(path).is_dir():
        raise UserError(f"{option} {path}: it is a folder; give the path of a file")


def why_unreadable(error: Exception) -> str:
    """Why an .npz file cannot be read, without NumPy's advice about arguments of its own.

    >>> why_unreadable(ValueError("Cannot load file containing pickled data when allow_pickle=False"))
    'it is no .npz file'
    """
    return "it is no .npz file" if "pickle" in str(error) else str(error) or type(error).__name__


def remove_stale(folder: Path, seconds: float = STALE_SECONDS) -> None:
    """Remove temporary files and folders older than `seconds`, which killed processes left; what refuses stays."""
    for path in folder.glob(f".*{SUFFIX}"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > seconds:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _resolved(path: str | Path) -> Path:
    """The file itself where `path` is a link. Raises FileWriteError where its folder is missing or may not be read."""
    target = Path(os.path.realpath(path))
    with _explained(path, target.parent):
        if not target.parent.is_dir():
            raise FileWriteError(f"{path}: the folder {target.parent} does not exist; create it first")
        target.exists()
    return target


def _neighbour(target: Path, suffix: str) -> Path:
    """A name in the target's folder that no other process and no other thread uses."""
    return target.with_name(f".{target.name[:100]}.{os.getpid()}-{uuid.uuid4().hex[:8]}{suffix}")


@contextmanager
def _explained(path: str | Path, written: Path) -> Iterator[None]:
    """Turn errors of writing `written`, or anything in it, into FileWriteError; errors about other files pass."""
    try:
        yield
    except OSError as error:
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        if names and not any(name.startswith(str(written)) for name in names):
            raise
        raise FileWriteError(_message(path, error.errno or 0, error.strerror or str(error))) from error
    except FileWriteError:
        raise
    except Exception as error:
        number = _system_number(error)
        if number is None:
            raise
        raise FileWriteError(_message(path, number, os.strerror(number))) from error


def _system_number(error: BaseException | None) -> int | None:
    """The system's error number where a library reports a full disk, or a folder that cannot be written, by an exception of its own; None
    for any other exception.

    Libraries written in Rust (safetensors, tokenizers) have it in their messages, torch raises while it handles the OSError.
    """
    while error is not None:
        told = re.search(r"\(os error (\d+)\)", str(error))
        number = error.errno if isinstance(error, OSError) else int(told[1]) if told else None
        if number in _NO_SPACE or (told and number in NO_ACCESS):
            return number
        error = error.__context__
    return None


def _message(path: str | Path, number: int, reason: str) -> str:
    if number in _NO_SPACE:
        return f"{path}: there is no room for it ({reason}); free some space or choose another disk; the former content is unchanged"
    if number in NO_ACCESS:
        return f"{path}: its folder cannot be written ({reason}); choose another path or change the permissions of the folder"
    if number == errno.ENAMETOOLONG:
        return f"{path}: the name is too long; choose a shorter one"
    return f"{path}: it cannot be written ({reason}); choose another path"


def _sync(file: Path) -> None:
    with file.open("rb+") as opened:
        os.fsync(opened.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the renaming durable; systems that cannot open a folder do without."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _replace_folder(partial: Path, target: Path) -> None:
    """Rename `partial` to `target`. A former folder is renamed first, and takes its name again where anything fails."""
    former = _neighbour(target, FORMER_SUFFIX)
    while True:
        try:
            with suppress(FileNotFoundError):  # there is none, or another process has just renamed it
                target.rename(former)
            partial.rename(target)
        except BaseException as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                # Another process put its folder there in between: the last one to finish stays.
                shutil.rmtree(former, ignore_errors=True)
                continue
            if former.exists():
                former.rename(target)
            raise
        shutil.rmtree(former, ignore_errors=True)
        return
