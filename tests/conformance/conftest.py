from __future__ import annotations

import pytest

from tests.conformance.adapters.base import RUNTIMES
from tests.conformance.requirement import load_all


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runtime", default="local", choices=sorted(RUNTIMES), help="the runtime that must conform")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "requirement" in metafunc.fixturenames:
        runtime = chosen_runtime(metafunc.config)
        requirements = [requirement for requirement in load_all() if requirement.holds_on(runtime)]
        metafunc.parametrize("requirement", requirements, ids=lambda requirement: requirement.id)


def chosen_runtime(config: pytest.Config) -> str:
    # The option is unknown where pytest was started on a parent folder and met this file only while collecting.
    return config.getoption("--runtime", default="local")


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> str:
    return chosen_runtime(request.config)
