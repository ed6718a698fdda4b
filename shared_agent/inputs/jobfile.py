"""The job file: YAML or JSON to a ``Job``, with one clear error for whatever is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from shared_agent.errors import InputError
from shared_agent.spec.job import Job
from shared_agent.spec.payload import preview

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_job(path: str | Path) -> tuple[Job, Path]:
    """The job that a file describes, and the folder that its paths are relative to (the file's own).

    Raises InputError when there is no such file, it is not YAML or JSON (with the line), a field is given twice, or the
    job is not right.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError("job", f"there is no file {str(path)!r}", remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise InputError("job", f"{path} is not UTF-8 at byte {error.start:,}", remedy="save it as UTF-8") from error
    except OSError as error:
        raise InputError("job", f"cannot read {str(path)!r}: {error.strerror}", remedy="name a file") from error
    data = _from_json(text, file) if file.suffix.lower() == ".json" else _from_yaml(text, file)
    if data is None:
        raise InputError("job", f"{path} is empty", remedy="give at least kind and inputs")
    return Job.parse(data), file.resolve().parent


def _from_json(text: str, file: Path) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError("job", f"{file} gives {twice!r} twice in one place", remedy="keep one of them")
        return fields

    try:
        return json.loads(text, object_pairs_hook=unique) if text.strip() else None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError("job", f"{file} is not JSON: {error.msg} ({where})", remedy="correct that line") from error


def _from_yaml(text: str, file: Path) -> Any:
    class Unique(_Loader):
        """Refuses a key given twice, of which plain YAML silently keeps the last."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                    if key.value in seen:
                        raise _twice(file, key.value, key.start_mark.line + 1)
                    seen.add(key.value)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Unique)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise InputError("job", f"{file} is not YAML: {error.problem}{where}", remedy="correct that line") from error
    except yaml.YAMLError as error:
        raise InputError("job", f"{file} is not YAML: {preview(str(error), 120)}", remedy="correct it") from error


def _twice(file: Path, key: str, line: int) -> InputError:
    return InputError("job", f"{file} gives {key!r} twice (line {line})", remedy="keep one of them")
