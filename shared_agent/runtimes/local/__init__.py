"""The local runtime: one process, asyncio, resumable."""
