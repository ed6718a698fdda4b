from __future__ import annotations

import pytest

from tests.conformance.adapters.base import RUNTIMES
from tests.conformance.requirement import load_all


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runtime", default="local", choices=sorted(RUNTIMES), help="the runtime that must conform")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "requirement" in metafunc.fixturenames:
        runtime = metafunc.config.getoption("--runtime")
        requirements = [requirement for requirement in load_all() if requirement.holds_on(runtime)]
        metafunc.parametrize("requirement", requirements, ids=lambda requirement: requirement.id)


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> str:
    return request.config.getoption("--runtime")
