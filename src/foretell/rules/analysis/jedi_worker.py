"""The process in which jedi runs, since nothing can interrupt it: a line of JSON in, a line of JSON out. It imports nothing of
this package, so that it starts quickly."""

from __future__ import annotations

import functools
import json
import signal
import sys
from typing import Any


def main() -> None:
    """Answers {"project", "path", "text", "line", "column"} by {"names"} or {"error"}, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that asks, which then closes the input
    import jedi

    environment = jedi.InterpreterEnvironment()
    jedi.Script("''.", environment=environment).complete()  # reads what is built in, which takes a second where it was never read

    @functools.cache
    def project(path: str) -> Any:
        return jedi.Project(path)

    print(json.dumps({"ready": jedi.__version__}), flush=True)
    for line in sys.stdin:
        query = json.loads(line)
        try:
            of = project(query["project"]) if query["project"] else None
            script = jedi.Script(query["text"], path=query["path"], environment=environment, project=of)
            answer: dict[str, Any] = {"names": [each.name for each in script.complete(query["line"], query["column"])]}
        except Exception as error:  # jedi's own mistakes are many; the monitor counts them
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
