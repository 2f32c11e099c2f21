"""Names of processes as they stand in leases: who comes next on the same machine can see that a holder is gone."""

import hashlib
import os
import socket
from pathlib import Path

PROC = Path("/proc")


def own_name() -> str:
    """`host-machine-pid-start`: no other process ever has it, not even one that is given the same id later."""
    pid = os.getpid()
    return f"{socket.gethostname()[:20]}-{_machine()}-{pid}-{_started(pid)}"


def is_gone(holder: str) -> bool:
    """True only when it is certain: a name of this machine and this boot, and no such process any more."""
    parts = holder.rsplit("-", 3)
    if len(parts) != 4 or parts[1] != _machine() or not parts[2].isdigit():
        return False
    return _started(int(parts[2])) != parts[3]


def _machine() -> str:
    """This boot of this machine, as far as process ids reach: a container sees only its own."""
    boot = PROC.joinpath("sys/kernel/random/boot_id").read_text().strip()
    words = f"{socket.gethostname()} {boot} {os.readlink(PROC / 'self/ns/pid')}"
    return hashlib.sha256(words.encode()).hexdigest()[:10]


def _started(pid: int) -> str:
    """When the process started, in clock ticks since boot; "" when there is none, or it only waits to be buried."""
    try:
        fields = PROC.joinpath(str(pid), "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]
