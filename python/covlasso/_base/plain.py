"""What JSON can hold."""

from __future__ import annotations

import math
from typing import Any

Record = dict[str, Any]


def finite(value: Any) -> float | None:
    """Return a number as JSON has it: None where it is not finite."""
    return float(value) if math.isfinite(value) else None
