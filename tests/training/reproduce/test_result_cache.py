"""Results of an experiment on disk."""

import numpy as np

from training.reproduce.result_cache import kept


def test_results_are_computed_once_and_a_damaged_one_again(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"x": np.arange(3.0)}

    for _ in range(2):
        assert kept(tmp_path, "thing", {"a": 1}, compute)["x"].tolist() == [0.0, 1.0, 2.0]
    assert len(calls) == 1
    next(tmp_path.glob("thing-*.npz")).write_bytes(b"PK\x03\x04 cut short")
    assert kept(tmp_path, "thing", {"a": 1}, compute)["x"].tolist() == [0.0, 1.0, 2.0]
    assert kept(tmp_path, "thing", {"a": 2}, compute)["x"].tolist() == [0.0, 1.0, 2.0]
    assert len(calls) == 3
