"""Files and folders are written as a whole, whatever happens in between."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from foretell.errors import UserError
from foretell.files import SUFFIX, FileWriteError, atomic_folder, atomic_path, write_bytes, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [True, False])
def test_writes_and_replaces(tmp_path, durable):
    target = tmp_path / "a.txt"
    write_text(target, "one\nü", durable)
    assert target.read_bytes() == "one\nü".encode()
    write_bytes(str(target), b"\x00two", durable)
    assert target.read_bytes() == b"\x00two"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_leaves_the_former_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "a.txt"
    write_text(target, "before")

    def fail(temporary: Path):
        temporary.write_text("half")
        assert names(tmp_path) == [temporary.name, "a.txt"]
        raise error

    with pytest.raises(type(error)), atomic_path(target) as temporary:
        fail(temporary)
    assert target.read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


WRITER = """
import sys, time
from foretell.files import atomic_path
with atomic_path(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def writer(target: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"writing\n"
    return process


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupted_process_leaves_nothing(tmp_path):
    write_text(tmp_path / "a.txt", "before")
    process = writer(tmp_path / "a.txt")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert (tmp_path / "a.txt").read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


def test_what_a_killed_process_leaves_is_removed_later(tmp_path):
    write_text(tmp_path / "a.txt", "before")
    process = writer(tmp_path / "a.txt")
    process.kill()
    process.wait(30)
    assert (tmp_path / "a.txt").read_text() == "before"
    [litter] = [path for path in tmp_path.iterdir() if path.name.endswith(SUFFIX)]
    write_text(tmp_path / "b.txt", "")  # too early: it may belong to a process that still writes
    assert litter.exists()
    os.utime(litter, (time.time() - 1e6,) * 2)
    write_text(tmp_path / "b.txt", "")
    assert names(tmp_path) == ["a.txt", "b.txt"]


MANY = """
import sys
from foretell.files import atomic_folder, write_text
for i in range(150):
    write_text(sys.argv[1] + "/a.txt", sys.argv[2] * 20_000, durable=False)
    if i % 10 == 0:
        with atomic_folder(sys.argv[1] + "/model") as temporary:
            for name in "xy":
                (temporary / name).write_text(sys.argv[2])
"""


def test_two_processes_may_write_the_same_file_and_folder(tmp_path):
    processes = [subprocess.Popen([sys.executable, "-c", MANY, str(tmp_path), letter]) for letter in "ab"]
    seen = set()
    while any(process.poll() is None for process in processes):
        if (tmp_path / "a.txt").exists():
            text = (tmp_path / "a.txt").read_text()
            assert text in ("a" * 20_000, "b" * 20_000)
            seen.add(text[0])
    assert [process.returncode for process in processes] == [0, 0]
    assert seen
    assert names(tmp_path) == ["a.txt", "model"]
    assert len({(tmp_path / "model" / name).read_text() for name in "xy"}) == 1


def test_folders_are_replaced_as_a_whole(tmp_path):
    target = tmp_path / "new" / "model"
    with atomic_folder(target) as temporary:
        (temporary / "a").write_text("1")
        (temporary / "below").mkdir()
        (temporary / "below" / "b").write_text("2")
    with pytest.raises(ZeroDivisionError), atomic_folder(target) as temporary:
        (temporary / "a").write_text(str(1 // 0))
    assert (target / "a").read_text() == "1"
    with atomic_folder(target) as temporary:
        (temporary / "c").write_text("3")
    assert names(target) == ["c"]
    assert names(tmp_path / "new") == ["model"]


def test_a_folder_that_cannot_be_renamed_leaves_the_former_one(tmp_path, monkeypatch):
    target = tmp_path / "model"
    with atomic_folder(target) as temporary:
        (temporary / "a").write_text("1")
    rename = Path.rename

    def failing(self, other):
        if self.name.endswith(SUFFIX):
            raise OSError(errno.EIO, "Input/output error", str(self))
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(FileWriteError, match="Input/output error"), atomic_folder(target) as temporary:
        (temporary / "a").write_text("2")
    assert (target / "a").read_text() == "1"
    assert names(tmp_path) == ["model"]


def test_a_missing_folder_and_a_folder_in_the_way(tmp_path):
    with pytest.raises(FileWriteError, match=r"a\.txt: the folder .*none does not exist; create it first") as caught:
        write_text(tmp_path / "none" / "a.txt", "")
    assert isinstance(caught.value, UserError)
    (tmp_path / "model").mkdir()
    with pytest.raises(FileWriteError, match="model: it is a folder; give the path of a file"):
        write_text(tmp_path / "model", "")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileWriteError, match="file: it is a file; give the path of a folder"), atomic_folder(tmp_path / "file"):
        pass
    with pytest.raises(FileWriteError, match=r"Not a directory|File exists"), atomic_folder(tmp_path / "file" / "below"):
        pass
    assert names(tmp_path) == ["file", "model"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_folder_that_may_not_be_written():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "a.txt").write_text("before")
        path.chmod(0o555)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)  # permissions do not hold the superuser back
            with pytest.raises(FileWriteError, match=r"a\.txt: its folder cannot be written \(Permission denied\); choose another path"):
                write_text(path / "a.txt", "after")
            with pytest.raises(FileWriteError, match="its folder cannot be written"), atomic_folder(path / "model"):
                pass
        finally:
            os.seteuid(user)
            path.chmod(0o755)
        assert (path / "a.txt").read_text() == "before"
        assert names(path) == ["a.txt"]


FULL = """
import resource, signal, sys
import numpy as np, torch
from safetensors.numpy import save_file
from foretell.files import FileWriteError, atomic_path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
array = np.zeros(100_000)

def through_file(save, value):
    def write(path):
        with path.open("wb") as file:
            save(file, value)
    return write

writers = [lambda path: path.write_bytes(bytes(10_000)), lambda path: save_file({"a": array}, path), through_file(np.savez, array),
           through_file(lambda file, value: torch.save(value, file), torch.from_numpy(array))]
for write in writers:
    try:
        with atomic_path(sys.argv[1]) as temporary:
            write(temporary)
        print("written")
    except FileWriteError as error:
        print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_where_there_is_no_room_each_library_fails_alike(tmp_path):
    target = tmp_path / "a.bin"
    target.write_text("before")
    ran = subprocess.run([sys.executable, "-c", FULL, str(target)], capture_output=True, text=True, check=True)
    message = f"{target}: there is no room for it (File too large); free some space or choose another disk; the former content is unchanged"
    assert ran.stdout.splitlines() == [message] * 4
    assert target.read_text() == "before"
    assert names(tmp_path) == ["a.bin"]


def test_errors_about_other_files_pass(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text((tmp_path / "absent").read_text())
    assert names(tmp_path) == []


def test_links_are_followed_and_permissions_kept(tmp_path):
    real = tmp_path / "real.txt"
    real.write_text("before")
    real.chmod(0o640)
    (tmp_path / "link.txt").symlink_to(real)
    write_text(tmp_path / "link.txt", "after")
    assert (tmp_path / "link.txt").is_symlink()
    assert real.read_text() == "after"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_file_that_may_not_be_written_itself_is_replaced(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("before")
    target.chmod(0o444)
    write_text(target, "after")
    assert target.read_text() == "after"
