"""The parts of bench/runtime."""
