"""Installs the package alone, without any extra, in a fresh environment, and uses it there as somebody who has just installed it would.

    python3 .ci/core_alone.py

What needs an extra must say so, with the command that installs it. Packages come from pip's own cache where it has them. Takes a minute or
two; every step has a limit, so that nothing hangs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTALL_SECONDS, CHECK_SECONDS = 1800, 1200


def main() -> int:
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="foretell-core-") as folder:
        home = Path(folder)
        venv.create(home / "venv", with_pip=True)
        python = home / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        pip = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
        subprocess.run([*pip, str(ROOT)], check=True, timeout=INSTALL_SECONDS)
        print(f"core alone: installed in {time.monotonic() - begin:.0f} s", flush=True)
        # Away from the sources, so that what was installed is what is imported.
        checked = subprocess.run([str(python), "-I", str(ROOT / ".ci" / "core_checks.py"), folder], cwd=folder, timeout=CHECK_SECONDS)
    print(f"core alone: {'failed' if checked.returncode else 'all checks passed'} after {time.monotonic() - begin:.0f} s", flush=True)
    return checked.returncode


if __name__ == "__main__":
    sys.exit(main())
