"""The one error a user of the benchmark can meet: what is wrong and what to do, in one sentence."""


class BenchError(Exception):
    """A measurement cannot be made. The text is shown as it is, without a traceback."""
