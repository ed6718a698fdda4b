"""Arbitrary values of the wire's types, built from their annotations, so that a new field is covered as it appears."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from shared_agent.spec.completion import CompletionPolicy
from shared_agent.spec.limit import LimitSpec
from shared_agent.spec.settings import Budget, ModelOptions, ModelRoles, RetryPolicy

finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(0.001, 1e9)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Any: json_values,
    str: st.text(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: finite,
    bool: st.booleans(),
    type(None): st.none(),
    ModelRoles: st.builds(ModelRoles, map=st.text(), reduce=st.text(), final=st.text(), judge=st.text()),
    ModelOptions: st.builds(
        ModelOptions,
        limits=st.lists(st.text(), max_size=2).map(tuple),
        prices=st.dictionaries(st.text(), positive, max_size=2),
        options=st.dictionaries(st.text(), json_values, max_size=2),
    ),
    LimitSpec: st.builds(
        LimitSpec,
        name=st.text(min_size=1),
        requests_per_minute=positive,
        input_tokens_per_minute=st.none() | positive,
        mode=st.sampled_from(["bucket", "strict", "aimd"]),
        burst_seconds=positive,
    ),
    Budget: st.builds(Budget, usd=positive, tokens=st.none() | st.integers(1, 10**12), scope=st.text()),
    RetryPolicy: st.builds(RetryPolicy, attempts=st.integers(1, 99), base_s=positive, cap_s=positive),
    CompletionPolicy: st.builds(
        CompletionPolicy,
        min_successful=st.none() | st.integers(1, 10**9),
        tolerated_failure_percentage=st.none() | st.floats(0, 100),
        deadline_s=st.none() | positive,
        min_coverage=st.floats(0, 1),
    ),
}


def envelopes(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Values of a struct with every field arbitrary, but for the version, which is the current one."""
    hints = get_type_hints(kind)
    fields = {field: _of(hints[field]) for field in kind.__struct_fields__ if field != "version"}
    return st.builds(kind, **fields)


def _of(hint: Any) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of([_of(argument) for argument in arguments])
    if origin is tuple:
        return st.lists(_of(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(_of(arguments[0]), _of(arguments[1]), max_size=2)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(list(hint))
    return envelopes(hint)
