"""The parts of `bench/rpc` that `bench/proxy` does not have: its cases, configurations, load and tables."""
