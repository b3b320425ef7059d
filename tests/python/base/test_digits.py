"""Figures near 1 and near 0 keep the digits that tell them apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from covlasso._base.digits import coefficient_text, percent_text, r2_text


@pytest.mark.parametrize("missing", [4.4e-3, 3e-3, 3.1e-4, 9.96e-5, 5e-5, 1.2e-5, 3e-6])
def test_near_1_two_digits_of_what_is_missing_are_seen(missing: float) -> None:
    text = r2_text(1.0 - missing)
    assert 1.0 - float(text) == pytest.approx(missing, rel=0.05, abs=5.1e-7)
    assert len(text.partition(".")[2]) <= 6
    share = percent_text(1.0 - missing)
    if missing < 5e-4:
        assert share != "100.0%"
        assert 1.0 - float(share.rstrip("%")) / 100 == pytest.approx(missing, rel=0.05, abs=5.1e-7)


def test_1_is_said_of_1_only() -> None:
    assert r2_text(1.0) == r2_text(1.0 - 4e-7) == "1.00"
    assert r2_text(1.0 - 6e-7) == "0.999999"
    assert percent_text(1.0) == "100.0%"
    assert percent_text(0.9997) == "99.970%"
    assert percent_text(0.734, " %") == "73.4 %"
    for value in np.random.default_rng(0).uniform(0.99, 1.0 - 1e-6, 1000):
        assert float(r2_text(value)) < 1.0
        assert float(r2_text(value, 3)) < 1.0


@pytest.mark.parametrize("decimals", [2, 3, 4])
def test_as_many_decimals_as_asked_for_elsewhere(decimals: int) -> None:
    for value in (-45.678, -0.3, 0.0, 0.17, 0.9901, 0.995, 0.9999):
        fraction = r2_text(value, decimals).partition(".")[2]
        assert len(fraction) >= decimals
        assert math.isclose(float(r2_text(value, decimals)), value, abs_tol=0.5 * 10.0**-decimals)


def test_nothing_has_the_sign_of_0() -> None:
    assert r2_text(-0.001) == r2_text(-0.0) == coefficient_text(-0.0) == "0.00"
    assert percent_text(-0.0001) == "0.0%"


def test_a_coefficient_is_never_0_that_is_not() -> None:
    assert [coefficient_text(value) for value in (0.0031, -0.00004, 0.005, 0.126)] == [
        "0.003", "-4e-05", "0.01", "0.13",
    ]  # fmt: skip
