"""Print the lowest versions that pyproject.toml declares, as constraints for pip: one `name==version` a line."""

import pathlib
import re
import tomllib

project = tomllib.loads((pathlib.Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
declared = [*project["dependencies"], *[each for extra in project["optional-dependencies"].values() for each in extra]]
lowest: dict[str, str] = {}
for each in declared:
    if each.startswith(project["name"] + "["):  # extras of its own
        continue
    found = re.fullmatch(r"([\w-]+)(?:\[[\w,-]+\])?>=([\d.]+)", each)
    if found is None:
        raise SystemExit(f"{each}: a requirement is written as name>=version")
    name, version = found.groups()
    if lowest.setdefault(name, version) != version:
        raise SystemExit(f"{name}: two lowest versions, {lowest[name]} and {version}")
print("\n".join([f"{name}=={version}" for name, version in sorted(lowest.items())]))
