"""Print each CPython from 3.11 on that is on the path or under pyenv, oldest first: `3.11 /its/path`, one a version."""

import os
import pathlib
import re
import subprocess

OLDEST = (3, 11)
ASKED = """
import ensurepip, sys, venv
print(sys.implementation.name, sys.version_info.releaselevel, *sys.version_info[:3])
"""

folders = [pathlib.Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
folders += sorted(pyenv.glob("versions/*/bin"))
newest: dict[tuple[int, int], tuple[int, pathlib.Path]] = {}
for python in [path for folder in folders for path in sorted(folder.glob("python3.*"))]:
    named = re.fullmatch(r"python3\.(\d+)", python.name)
    if named is None or (3, int(named[1])) < OLDEST:
        continue
    answer = subprocess.run([python, "-c", ASKED], capture_output=True, text=True, check=False)
    if answer.returncode:  # a shim of a version that is not chosen, or an installation without venv
        continue
    name, level, major, minor, micro = answer.stdout.split()
    version = int(major), int(minor)
    if (name, level) == ("cpython", "final") and int(micro) > newest.get(version, (-1, python))[0]:
        newest[version] = int(micro), python
for (major, minor), (_, python) in sorted(newest.items()):
    print(f"{major}.{minor} {python}")
