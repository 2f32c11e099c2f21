"""A child that ends when its parent does: two process trees must never write the same data directory."""

import ctypes
import multiprocessing
import os
import signal
import threading
import time

_PR_SET_PDEATHSIG = 1
_LIBC: ctypes.CDLL = ctypes.CDLL(None, use_errno=True)  # found beforehand: nothing may be loaded between fork and exec


def die_with_parent() -> None:
    """Ask Linux for SIGTERM to this process when the thread that started it ends, by whatever means (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def end_with_parent(stop_s: float) -> None:
    """The same for a child of multiprocessing's fork server, whose parent by the kernel's count is that server: SIGTERM
    to ourselves when the process that asked for us is gone, and an end without asking `stop_s` later."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(stop_s)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
