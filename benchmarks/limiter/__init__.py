"""Admission under saturation, beside the peers, in one run: ``python -m benchmarks.limiter [--quick]``.

Four processes of 40 coroutines share one embedded Valkey. Each coroutine in a closed loop reserves an estimate, makes a call
of lognormal duration and size, and settles; two of the 160 ask for 40% of the capacity each time; together they ask for
eight times the quota. What each process sees as ``time.time`` is off by +0.25 s or -0.25 s. The contenders run one after
the other, each on a fresh server.

    used         what calls actually used, over the quota of the measured time, from the first to the last grant in it;
                 above 1 where nothing is settled and polling prefers requests that were estimated too low
    over grant   by how much any interval exceeded capacity + rate * T on the times of the grants, in % of the capacity
                 (only where the limiter says when it granted; a positive figure is a broken bound: exit 1)
    over seen    the same on the times at which callers came through, whose processes share two cores
    large max    longest wait of a large request, those still waiting at the end included; small p99 likewise
    trips/grant  network round trips over the requests made, settlements included
    +clock       the share of grants that went to the two processes whose clock is ahead (0.5 is fair)
    CPU ms       of the clients, a grant

Grants a second without a quota in the way are measured apart: one process, 90 coroutines.
"""
