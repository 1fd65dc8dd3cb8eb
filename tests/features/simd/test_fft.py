from __future__ import annotations

import numpy as np
import pytest

from features.simd.fft import ELEMENT, places, transform, turns

LENGTHS = (16, 64, 256, 1024, 4096)
KINDS_OF_FILLED = {
    "one": lambda length: 1,
    "a quarter": lambda length: length // 4,
    "just above a quarter": lambda length: length // 4 + 1,
    "half": lambda length: length // 2,
    "just above half": lambda length: length // 2 + 1,
    "three quarters": lambda length: 3 * length // 4,
    "just above three quarters": lambda length: 3 * length // 4 + 1,
    "all but one": lambda length: length - 1,
    "all": lambda length: length,
}


def transformed(series, filled, after=np.nan):
    """(length, 8) complex64: transforms of eight series of which the first elements are there."""
    length = len(series)
    x = np.stack([series.real, series.imag], axis=1).astype(np.float32)
    x[filled:] = after
    flat = x.ravel()
    transform(flat, length, filled, turns(length))
    in_order = flat.reshape(length, 2, 8)[places(length)]
    return in_order[:, 0] + 1j * in_order[:, 1]


def eight_series(length):
    rng = np.random.default_rng(length)
    return rng.normal(size=(length, 8)) + 1j * rng.normal(size=(length, 8))


@pytest.mark.parametrize("after", [np.nan, 1e30])
@pytest.mark.parametrize("kind", KINDS_OF_FILLED)
@pytest.mark.parametrize("length", LENGTHS)
def test_eight_series_are_transformed_side_by_side_whatever_follows_them(length, kind, after):
    filled = KINDS_OF_FILLED[kind](length)
    series = eight_series(length)
    found = transformed(series, filled, after)
    series[filled:] = 0.0
    expected = np.fft.fft(series, axis=0)
    # three roundings of 2^-24 for each of the passes, of numbers as large as the root of the sum of squares
    passes = np.log2(length) / 2
    scale = np.sqrt((np.abs(series) ** 2).sum(axis=0))
    assert (np.abs(found - expected) <= 3 * 2.0**-24 * passes * scale).all()


@pytest.mark.parametrize("length", LENGTHS)
def test_a_wave_has_one_element(length):
    waves = np.exp(2j * np.pi * np.outer(np.arange(length), np.arange(8) + 5) / length)
    found = transformed(waves, length)
    assert found[np.arange(5, 13) % length, np.arange(8)] == pytest.approx(np.full(8, length), rel=1e-6)
    assert np.sort(np.abs(found), axis=0)[:-1].max() < 1e-6 * length


@pytest.mark.parametrize("length", LENGTHS)
def test_a_series_does_not_see_those_beside_it(length):
    series = eight_series(length)
    alone = np.zeros_like(series)
    alone[:, 3] = series[:, 3]
    assert np.array_equal(transformed(alone, length)[:, 3], transformed(series, length)[:, 3])


@pytest.mark.parametrize("length", [4, *LENGTHS])
def test_every_element_has_one_place(length):
    assert np.array_equal(np.sort(places(length)), np.arange(length))


def test_places_are_digits_in_base_four_reversed():
    assert places(64)[[0b00_00_01, 0b00_01_00, 0b01_10_11]].tolist() == [0b01_00_00, 0b00_01_00, 0b11_10_01]


@pytest.mark.parametrize("length", [-4, 0, 1, 2, 3, 8, 12, 32, 100, 128, 512, 2048, 4095])
def test_a_length_that_is_no_power_of_four_is_refused(length):
    with pytest.raises(ValueError, match=f"power of four, at least 4, got {length}"):
        places(length)


def test_turns_go_once_around():
    assert turns(4096).reshape(-1, 2) == pytest.approx(
        np.exp(-2j * np.pi * np.arange(4096) / 4096).view(float).reshape(-1, 2), abs=2.0**-24
    )
    assert turns(4096).dtype == np.float32


def test_an_element_is_sixteen_numbers():
    assert ELEMENT == 16
