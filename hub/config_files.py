"""Configuration files whose trouble names the file, whoever reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from geodata.errors import BadInput

T = TypeVar("T")


def read_config(path: Path, reading: Callable[[Path], T]) -> T:
    """What `reading` makes of the file. `BadInput` says which file it is and what to do."""
    try:
        return reading(path)
    except BadInput as wrong:
        raise BadInput(f"{path}:{wrong}", **wrong.where) from wrong
    except UnicodeDecodeError as wrong:
        raise BadInput(f"{path}:不是 UTF-8 文本(第 {wrong.start} 字节);请另存为 UTF-8") from wrong
    except OSError as wrong:
        raise BadInput(f"{path} 读不到({wrong.strerror});请改正设置,或把文件放回去") from wrong
