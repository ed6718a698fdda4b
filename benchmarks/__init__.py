"""Benchmarks beside peers. Each runs by itself (``python -m benchmarks.fanout``); ``python -m benchmarks`` runs them all."""
