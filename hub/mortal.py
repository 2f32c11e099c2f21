"""A child that ends when its parent does: two process trees must never write the same data directory."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1
_LIBC: ctypes.CDLL = ctypes.CDLL(None, use_errno=True)  # found beforehand: nothing may be loaded between fork and exec


def die_with_parent() -> None:
    """Ask Linux for SIGTERM to this process when the thread that started it ends, by whatever means (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
