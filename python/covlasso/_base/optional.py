"""Packages that only some calls need."""

from __future__ import annotations

import importlib
from typing import Any


def needed(package: str) -> Any:
    """Import ``package``, or say how to get it."""
    try:
        return importlib.import_module(package)
    except ImportError as cause:
        raise ImportError(f"this needs {package}, which is not installed: pip install {package}") from cause
