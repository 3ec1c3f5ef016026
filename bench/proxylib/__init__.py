"""The parts of `bench/proxy`: tools, processes, peers, load, and one module per measurement."""
