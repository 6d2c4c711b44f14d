from math import factorial

import pytest

from org_common.tools.plan import theory


def test_erlang_b_is_its_definition() -> None:
    terms = [45.0**k / factorial(k) for k in range(51)]

    assert theory.erlang_b(50, 45) == pytest.approx(terms[50] / sum(terms), rel=1e-12)


def test_thousands_of_servers_do_not_overflow() -> None:
    assert 0 < theory.erlang_b(2000, 1900) < 0.01


def test_erlang_c_and_its_waits() -> None:
    # The textbook's M/M/20 at a load of 16.
    assert theory.erlang_c(20, 16) == pytest.approx(0.256078, rel=1e-5)
    assert theory.mmc_wait(20, 16, 1) == pytest.approx(0.0640194, rel=1e-5)
    assert theory.erlang_c(20, 20) == 1.0


def test_one_server_is_the_same_in_each_formula() -> None:
    assert theory.mg1_wait(0.8, 1, 2) == pytest.approx(theory.mmc_wait(1, 0.8, 1))
    assert theory.mg1_wait(0.8, 1, 1) == pytest.approx(theory.mdc_wait(1, 0.8, 1))


def test_overflow_without_servers_is_the_poisson_stream_itself() -> None:
    assert theory.overflow_variance(0, 5.0) == pytest.approx(5.0)
    assert theory.overflow_variance(10, 10.0) > 10.0 * theory.erlang_b(10, 10.0)


def test_constant_service_waits_about_half_as_long() -> None:
    half = theory.mmc_wait(20, 16, 1) / 2

    assert half < theory.mdc_wait(20, 16, 1) < half * 1.2
