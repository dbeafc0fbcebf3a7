"""Real firmware on the virtual bench: the IO manager's binary in simavr, the DUT's in QEMU or as a process.

Each replaces a twin (`drivers.virtual.twin`) and runs in lockstep with the world's virtual time
(docs/decisions/0015).
"""
