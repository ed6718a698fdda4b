"""Ways to run N branches, at most a cap at once, with ordered results and captured failures."""

from __future__ import annotations

import asyncio
import functools
import operator
import os
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypedDict

from benchmarks.fanout.work import Branch, Results
from shared_agent.patterns.pool import Pool, gather_bounded
from shared_agent.worker.watchdog import Watchdog

TIMEOUT_S = 60.0

Contender = Callable[[Branch, int, int], Awaitable[Results]]


async def shared_agent(branch: Branch, count: int, cap: int) -> Results:
    """Pool and Watchdog: order, failures and timeouts."""
    return await gather_bounded(_watched(branch), range(count), cap=cap)


async def shared_agent_streamed(branch: Branch, count: int, cap: int) -> Results:
    """The same without keeping results: each is checked off as it comes, so memory is the engine's alone."""
    ended = 0

    def on_done(index: int, result: int | None, error: BaseException | None) -> None:
        nonlocal ended
        ended += 1

    await Pool(_watched(branch), range(count), cap=cap, on_done=on_done).join()
    assert ended == count
    return []


async def bare_pool(branch: Branch, count: int, cap: int) -> Results:
    """Workers over one iterator: the least that asyncio can do. Branches share a task, and cannot be cancelled apart."""
    results: list[Any] = [None] * count
    indices = iter(range(count))

    async def worker() -> None:
        for index in indices:
            try:
                results[index] = await branch(index)
            except Exception as error:
                results[index] = error

    await asyncio.gather(*(worker() for _ in range(min(cap, count))))
    return results


async def bare_pool_timeout(branch: Branch, count: int, cap: int) -> Results:
    """The same with asyncio.timeout."""
    return await bare_pool(_timed(branch), count, cap)


async def seed(branch: Branch, count: int, cap: int) -> Results:
    """gather over a semaphore (seed §02), with return_exceptions so that one failure does not lose the rest."""
    semaphore = asyncio.Semaphore(cap)

    async def bounded(index: int) -> int:
        async with semaphore:
            return await branch(index)

    return await asyncio.gather(*(bounded(index) for index in range(count)), return_exceptions=True)


async def seed_timeout(branch: Branch, count: int, cap: int) -> Results:
    """The same with asyncio.timeout."""
    return await seed(_timed(branch), count, cap)


async def aiometer(branch: Branch, count: int, cap: int) -> Results:
    """aiometer.run_all. A failure would end it, so branches return theirs."""
    from aiometer import run_all

    return await run_all([functools.partial(_captured, branch, index) for index in range(count)], max_at_once=cap)


class _State(TypedDict):
    results: Annotated[list[Any], operator.add]


async def langgraph(branch: Branch, count: int, cap: int) -> Results:
    """LangGraph's map-reduce: Send to one node, whose results a reducer adds up."""
    os.environ["LANGSMITH_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Send

    async def node(sent: dict[str, int]) -> dict[str, Any]:
        return {"results": [(sent["index"], await _captured(branch, sent["index"]))]}

    graph = StateGraph(_State)
    graph.add_node("branch", node)
    graph.add_conditional_edges(START, lambda _: [Send("branch", {"index": i}) for i in range(count)], ["branch"])
    graph.add_edge("branch", END)
    ended = await graph.compile().ainvoke({"results": []}, {"max_concurrency": cap})
    return [result for _, result in sorted(ended["results"], key=operator.itemgetter(0))]


def _watched(branch: Branch) -> Callable[[int], Any]:
    watchdog = Watchdog(TIMEOUT_S)

    async def watched(index: int) -> int:
        with watchdog.guard():
            return await branch(index)

    return watched


def _timed(branch: Branch) -> Branch:
    async def timed(index: int) -> int:
        async with asyncio.timeout(TIMEOUT_S):
            return await branch(index)

    return timed


async def _captured(branch: Branch, index: int) -> Any:
    try:
        return await branch(index)
    except Exception as error:
        return error


OURS = "shared-agent + timeout"
STREAMED = "shared-agent + timeout, results not kept"
LANGGRAPH = "LangGraph Send"
CONTENDERS: dict[str, Contender] = {
    OURS: shared_agent,
    STREAMED: shared_agent_streamed,
    "bare worker pool": bare_pool,
    "bare worker pool + timeout": bare_pool_timeout,
    "seed: gather + semaphore": seed,
    "seed: gather + semaphore + timeout": seed_timeout,
    "aiometer": aiometer,
    LANGGRAPH: langgraph,
}
