"""The program of the process in which jedi runs, since jedi cannot be interrupted: a line of JSON in, a line of JSON out.

It imports nothing of this package, so that it starts quickly.
"""

from __future__ import annotations

import functools
import json
import signal
import sys
from typing import Any


def main() -> None:
    """Answer each {"project", "path", "text", "line", "column"} with {"names"} or {"error"}, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes the input
    import jedi

    environment = jedi.InterpreterEnvironment()
    jedi.Script("''.", environment=environment).complete()  # reads the built-in modules, which takes a second without jedi's cache

    @functools.cache
    def project(path: str) -> Any:
        return jedi.Project(path)

    print(json.dumps({"ready": jedi.__version__}), flush=True)
    for line in sys.stdin:
        query = json.loads(line)
        try:
            folder = project(query["project"]) if query["project"] else None
            script = jedi.Script(query["text"], path=query["path"], environment=environment, project=folder)
            answer: dict[str, Any] = {"names": [each.name for each in script.complete(query["line"], query["column"])]}
        except Exception as error:  # errors of jedi; the monitor counts them
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
