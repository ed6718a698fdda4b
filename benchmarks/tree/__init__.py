"""Tree reduction, eager beside the seed's level barrier, on the same latencies: ``python -m benchmarks.tree [--quick]``.

1,000 map results in groups of ten, lognormal latencies (mean 0.2 s, sigma 0.6) for maps and reductions alike, really slept.

    level barrier  maps ████████████│ reduce ███│ reduce ██│ root █     every level waits for its slowest (seed §05)
    eager          maps ████████████  reduce as groups fill   root █    a group waits for its own members

    critical path  the slowest chain from a leaf to the root: what no schedule can beat when concurrency is free
    bound          under a cap, the larger of that and all work over the cap (with the root after everything)
    whole worker   the Coordinator with a Worker.run, state in memory, a task instead of a bare sleep
"""
