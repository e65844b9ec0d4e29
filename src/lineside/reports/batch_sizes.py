"""What was found out about batch sizes, for people."""

from __future__ import annotations

from collections.abc import Mapping

from lineside.language import text

Sizes = dict[int, float | None]
"""Seconds of a step by samples in its batch; None where the memory did not suffice."""

_NEARLY = 0.95
"""What is this near to the best throughput is as good."""


def rate_text(size: int, seconds: float | None) -> str:
    """Return what a trial gave: ``64 samples: 12,300 samples/s``."""
    rate = text("out of memory", "内存不足") if seconds is None else f"{_rate(size, seconds):,.0f} samples/s"
    return f"{size} {'sample' if size == 1 else 'samples'}: {rate}"


def table(sizes: Mapping[int, float | None]) -> str:
    """Return a table of all sizes that were tried, in Markdown, the smallest first."""
    head = text("| samples | samples/s | seconds a step |", "| 样本数 | 样本/秒 | 每步秒数 |")
    none = text("out of memory", "内存不足")
    rows = [
        f"| {size} | {none} | |" if seconds is None else f"| {size} | {_rate(size, seconds):,.0f} | {seconds:.3g} |"
        for size, seconds in sorted(sizes.items())
    ]
    return "\n".join([head, "|---:|---:|---:|", *rows])


def conclusion(sizes: Mapping[int, float | None], suggested: int | None, loaded: int) -> tuple[str, str]:
    """Return a title and what it means.

    Args:
        sizes: all that were tried.
        suggested: the size that leaves a margin; None if nothing fits.
        loaded: samples in the batches of the loader.
    """
    if suggested is None:
        return (
            text("Not even one sample fits into memory", "内存连一个样本都放不下"),
            text("Make the model or its inputs smaller.", "请缩小模型或输入。"),
        )
    rates = {size: _rate(size, seconds) for size, seconds in sizes.items() if seconds is not None}
    best = max(rates.values())
    enough = min(size for size, rate in rates.items() if rate >= _NEARLY * best)
    full = any(seconds is None for seconds in sizes.values())
    title = (
        text(f"Up to {max(rates)} samples fit into memory", f"内存最多放得下 {max(rates)} 个样本")
        if full
        else text(f"{max(rates)} samples fit, and more were not tried", f"{max(rates)} 个样本放得下，没有尝试更大的")
    )
    return title, text(
        f"Suggested: batch_size={suggested}, which leaves a margin; the loader's batches hold {loaded}. "
        f"{enough} samples already reach {100 * rates[enough] / best:.0f} % of the best throughput, "
        f"{best:,.0f} samples/s.",
        f"建议 batch_size={suggested}，留有余量；现在的批次是 {loaded} 个样本。{enough} 个样本时吞吐量已达最佳值"
        f"（{best:,.0f} 样本/秒）的 {100 * rates[enough] / best:.0f} %。",
    )


def _rate(size: int, seconds: float) -> float:
    return size / seconds if seconds > 0 else 0.0
