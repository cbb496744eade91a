"""jedi in its own process: what it knows, and that nobody ever waits for it in vain."""

import os
import pickle
import subprocess
import sys
import threading
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from foretell.rules.analysis import jedi_worker
from foretell.rules.analysis.analyser import AnalysisFailedError, AnalysisTimeoutError
from foretell.rules.analysis.jedi_analyser import JediAnalyser
from foretell.rules.analysis.jedi_process import JediProcess, shared_process


@pytest.fixture
def project(tmp_path):
    (tmp_path / "orbits.py").write_text("class Moon:\n    lunar_offset = 1\n\n    def wane(self): ...\n")
    return tmp_path


def complete(analyser, text, path="new.py"):
    return analyser.complete(path, text, len(text))


def test_names_of_a_project_of_python_and_of_nothing(project):
    analyser = JediAnalyser(str(project))
    names = complete(analyser, "import orbits\nmoon = orbits.Moon()\nmoon.")
    assert {"lunar_offset", "wane", "__class__"} <= set(names)
    assert "None" not in names
    assert "path" in complete(analyser, "import os\nos.")
    assert complete(analyser, "def f(x):\n    return x.") == []


def test_the_text_behind_the_cursor_counts():
    text, after = "class A:\n    def f(self):\n        return self.", "\n\n    later = 1\n"
    assert "later" in JediAnalyser().complete("a.py", text + after, len(text))
    assert "later" not in JediAnalyser().complete("a.py", text, len(text))


def test_ones_own_attributes_ask_where_that_is_wished():
    assert [JediAnalyser(own=own).is_dereference("return self.") for own in (False, True)] == [False, True]


def test_columns_are_counted_in_characters():
    assert "upper" in complete(JediAnalyser(), "é = 'ü'; 'ä\U0001f600'.")


def test_an_offset_outside_the_text_is_refused():
    with pytest.raises(ValueError, match=r"offset=3 is outside the file, whose text has 2 characters"):
        JediAnalyser().complete("a.py", "a.", 3)


def test_the_version_changes_with_the_files(project):
    analyser = JediAnalyser(str(project))
    before = analyser.project_version()
    assert before == analyser.project_version()
    (project / "orbits.py").write_text("class Moon: ...\n")
    assert before != analyser.project_version()


def test_a_late_answer_is_given_up_and_the_next_is_right():
    process = JediProcess()
    analyser = JediAnalyser(budget=1e-4, process=process)
    with pytest.raises(AnalysisTimeoutError):
        complete(analyser, "import os\nos.")
    assert "upper" in complete(JediAnalyser(budget=60, process=process), "''.")


def test_a_process_that_dies_is_started_again():
    process = JediProcess()
    analyser = JediAnalyser(process=process)
    assert "upper" in complete(analyser, "''.")
    process._running._process.kill()
    process._running._process.wait()
    with pytest.raises(AnalysisFailedError, match="process ended"):
        complete(analyser, "''.")
    assert "upper" in complete(analyser, "''.")


def test_threads_take_turns():
    found = {}
    texts = [f"class A:\n    name{i} = 1\nA()." for i in range(4)]

    def ask(i):
        found[i] = complete(JediAnalyser(), texts[i])

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [f"name{i}" in found[i] for i in range(4)] == [True] * 4
    assert shared_process() is JediAnalyser().process


def test_the_process_ends_with_the_program():
    code = (
        "from foretell.rules.analysis.jedi_process import shared_process as process\n"
        "process().warm_up()\nprint(process()._running._process.pid)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    with pytest.raises(ProcessLookupError):
        os.kill(int(answer.stdout), 0)


def test_jedi_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("foretell.rules.analysis.jedi_analyser.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'foretell\[monitors\]'"):
        JediAnalyser()


def test_parsed_files_are_kept_in_a_folder_of_our_own(project, tmp_path, monkeypatch):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    theirs.mkdir()
    for name, folder in {"FORETELL_CACHE": ours, "XDG_CACHE_HOME": theirs, "HOME": theirs, "LOCALAPPDATA": theirs}.items():
        monkeypatch.setenv(name, str(folder))
    analyser = JediAnalyser(str(project), process=JediProcess())
    assert "lunar_offset" in complete(analyser, "import orbits\norbits.Moon.")
    assert list(theirs.iterdir()) == []
    kept = list((ours / "jedi").rglob("*.pkl"))
    assert kept
    assert [path for path in ours.rglob("*") if path.name.endswith(".foretell-partial")] == []


def test_a_damaged_file_of_the_cache_is_removed_and_written_anew(project, tmp_path, monkeypatch):
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "cache"))
    text = "import orbits\norbits.Moon."
    before = complete(JediAnalyser(str(project), process=JediProcess()), text)
    kept = list((tmp_path / "cache").rglob("*.pkl"))
    assert kept
    sizes = {path: path.stat().st_size for path in kept}
    for number, path in enumerate(kept):
        path.write_bytes([path.read_bytes()[:-100], b"", b"no pickle at all"][number % 3])
    assert complete(JediAnalyser(str(project), process=JediProcess()), text) == before
    assert all(not path.exists() or path.stat().st_size == sizes[path] for path in kept)


def test_a_cache_that_cannot_be_written_costs_time_only(project, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FORETELL_CACHE", str(tmp_path / "file"))
    assert "lunar_offset" in complete(JediAnalyser(str(project), process=JediProcess()), "import orbits\norbits.Moon.")


def test_a_write_that_is_interrupted_leaves_the_former_file(tmp_path):
    class Interrupted:
        def __reduce__(self):
            raise KeyboardInterrupt

    def place(grammar, path, cache_path=None):
        return str(tmp_path / "a.pkl")

    jedi_worker.save(place, "", "", ["first"])
    with pytest.raises(KeyboardInterrupt):
        jedi_worker.save(place, "", "", [b"0" * 100_000, Interrupted()])
    assert pickle.loads((tmp_path / "a.pkl").read_bytes()) == ["first"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.pkl"]


def test_the_project_is_neither_run_nor_written(project, monkeypatch):
    package = project / "shapes"
    package.mkdir()
    told = f"open({str(project / 'ran')!r}, 'w').close()\n"
    (package / "__init__.py").write_text(told + "import orbits\nside = 1\n")
    (package / f"fast{EXTENSION_SUFFIXES[0]}").write_bytes(b"not an extension")
    monkeypatch.setenv("PYTHONPATH", str(project))  # as projects that are installed for editing
    before = sorted(path for path in project.rglob("*"))
    analyser = JediAnalyser(str(project), process=JediProcess())
    assert "side" in complete(analyser, "import shapes\nshapes.")
    complete(analyser, "import shapes.fast\nshapes.fast.")
    complete(analyser, "from shapes import fast\nfast.")
    assert sorted(path for path in project.rglob("*")) == before
