"""Fan-out beside the peers, in one run: ``python -m benchmarks.fanout [--quick]``.

Every contender runs the same N branches, at most a cap at once, in a process of its own; every hundredth branch fails, and
the results must come back in input order with the failures in their places. With *zero* latency a branch only yields to
the event loop once, so that what is left is the engine; with *lognormal* latency it sleeps (mean 0.2 s, sigma 0.6).

    CPU us       user and system CPU a branch, in microseconds; x ours: the same over shared-agent's
    wall/ideal   the wall clock over the shortest possible time of a list schedule in input order, from the same latencies
    MB           growth of the resident set at its peak, the list of results included

``+ timeout`` gives every branch a timeout of a minute: shared-agent on one timer for all, the others with asyncio.timeout.
LangGraph's Send is quadratic in N, so it appears for small N only.
"""
