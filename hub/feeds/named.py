"""Whether the feeds file names any feed, found without reading it as YAML: `serve` must start at once."""

from pathlib import Path


def names_feeds(path: Path) -> bool:
    """Errs to yes: the feeds process reads it properly, and idles when it finds none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.lstrip().startswith("- ") or line.strip() == "-" for line in lines) or any(
        line.startswith("feeds:") and "{" in line for line in lines
    )
