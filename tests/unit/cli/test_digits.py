from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the demo trains with PyTorch")
pytest.importorskip("sklearn", reason="the demo's digits are those of scikit-learn")

from lineside.cli import digits  # noqa: E402 - behind the skips


def test_the_split_is_always_the_same_and_shares_no_digit() -> None:
    first, second = digits.loaders(), digits.loaders()
    for mine, theirs in zip(first[1:], second[1:], strict=True):
        for a, b in zip(mine.dataset.tensors, theirs.dataset.tensors, strict=True):
            assert torch.equal(a, b)
    assert [len(loader.dataset) for loader in first] == [1197, 300, 300]
    whole = first.train.dataset._images[:, :, 1:9, 1:9]
    images = torch.cat([whole, first.val.dataset.tensors[0], first.test.dataset.tensors[0]]).flatten(1)
    everything = torch.as_tensor(digits.load_digits().data, dtype=torch.float32) / 16
    assert torch.equal(_sorted(images), _sorted(everything))


def _sorted(rows: torch.Tensor) -> torch.Tensor:
    return torch.tensor(sorted(rows.tolist()))


def test_a_digit_is_moved_by_at_most_a_pixel_and_loses_nothing_else() -> None:
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, 4, 4] = 1.0
    data = digits.ShiftedDigits(image, torch.tensor([7]))
    torch.manual_seed(0)
    seen = set()
    for _ in range(200):
        moved, label = data[0]
        assert moved.shape == (1, 8, 8)
        assert moved.sum() == 1.0
        assert label == 7
        seen.add(tuple(moved[0].nonzero()[0].tolist()))
    assert seen == {(row, column) for row in (3, 4, 5) for column in (3, 4, 5)}


def test_the_network_gives_ten_logits_for_each_image() -> None:
    assert digits.network()(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


def test_accuracy_is_the_share_that_is_right() -> None:
    outputs = torch.eye(10)[torch.tensor([1, 2, 3, 4])]
    assert digits.accuracy(outputs, torch.tensor([1, 2, 3, 5])) == 0.75


def test_all_callbacks_of_the_first_day_stand_beside_the_line() -> None:
    assert [type(callback).__name__ for callback in digits.callbacks()] == [
        "ModelCheckpoint",
        "EarlyStopping",
        "ReduceLROnPlateau",
        "TerminateOnNaN",
        "TrainingMonitor",
        "ProgressBar",
        "LogMetricsCallback",
        "PlotTrainingCurveCallback",
        "TensorBoard",
    ]
