"""What a worker costs to import, cold: ``python -m benchmarks.coldimport [--quick]``.

Every run is a new process, in turn, with bytecode compiled beforehand as an installed package has it. The figures are the
seconds of the import statement alone, without the start of the interpreter; beside it stands what cannot be avoided,
asyncio and msgspec. An import only computes, so its CPU time is what is judged; the wall clock adds what the neighbours on
the machine take. Every module from outside the standard library is listed: there must be no SDK among them.

    first        one run without bytecode: what the very first import on a machine costs
"""
