"""Python's cycle collector, tuned for processes that hold a city: what is there to stay is not looked through again."""

import gc


def settle_memory() -> None:
    """Once everything is built: a burst of ten thousand alerts then costs no full walk over the city's objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
