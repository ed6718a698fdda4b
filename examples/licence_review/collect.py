"""Gathers the licence texts and documentation of the packages installed beside this one, through ``importlib.metadata``.

Writes ``FOLDER/<package>-<version>/<file>`` for every LICENSE, COPYING, NOTICE and AUTHORS file that a package installed,
and its README as ``README.md``. The texts stay on this machine: they are their authors' and not part of this project.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import Distribution, PackagePath, distributions
from pathlib import Path

_LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|authors|thirdpartynotices)", re.IGNORECASE)
_TEXT_ENDINGS = {"", ".txt", ".md", ".rst", ".apache", ".bsd", ".mit", ".psf"}
_LEAST_README = 400


def texts_of(package: Distribution) -> Iterator[tuple[str, str]]:
    """(file name, text) of each licence file and of the README that ``package`` installed."""
    for file in package.files or []:
        if not _LICENCE_FILE.match(file.name) or Path(file.name).suffix.lower() not in _TEXT_ENDINGS:
            continue
        path = Path(str(package.locate_file(file)))
        if path.is_file():
            yield _name(file), _read(path)
    readme = (package.metadata.get_payload() or "") if package.metadata else ""
    readme = str(readme) or package.metadata.get("Description", "")
    if len(readme) >= _LEAST_README:
        yield "README.md", readme


def collect(folder: Path) -> tuple[int, int]:
    """Write every text below ``folder`` anew; returns how many there are, and their characters."""
    shutil.rmtree(folder, ignore_errors=True)
    count = characters = 0
    seen: set[str] = set()
    for package in sorted(distributions(), key=lambda package: package.metadata["Name"].lower()):
        name = f"{package.metadata['Name']}-{package.version}"
        if name in seen:
            continue
        seen.add(name)
        for file_name, text in texts_of(package):
            path = folder / name / file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            count += 1
            characters += len(text)
    return count, characters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="where to write the texts; what is there is replaced")
    folder = parser.parse_args().folder
    count, characters = collect(folder)
    print(f"collected {count} documents, {characters:,} characters, of the installed packages in {folder}")


def _name(file: PackagePath) -> str:
    """``"licenses-vendor-LICENSE"``: the path below the package's metadata folder, on one level."""
    below = [part for part in file.parts if not part.endswith((".dist-info", ".egg-info"))]
    return "-".join(below)


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace").replace("\x00", "")


if __name__ == "__main__":
    main()
