"""jedi in its own process: what it knows, and that nobody ever waits for it in vain."""

import os
import subprocess
import sys
import threading

import pytest

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
