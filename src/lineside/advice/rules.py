"""The rules of advice: each is a pure function of facts, with an id, and with the source that it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from lineside.advice.facts import Facts
from lineside.language import text
from lineside.metrics import canonical
from lineside.ports import CallbackInfo

Level = Literal["info", "warning"]

_FEW_CUTS = 3
"""Fewer cuts than this leave a plateau decay hardly anything to do."""
_ENOUGH_VALUES = 8
"""Fewer values than this do not tell noise from a trend."""
_IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True, slots=True)
class Rule:
    """One piece of advice.

    Attributes:
        id: under which it can be silenced.
        level: ``warning`` where something will not work as it was meant, ``info`` where there may be a better way.
        source: the address of a paper or of a framework's documentation.
        find: yields a sentence for each case that it finds.
    """

    id: str
    level: Level
    source: str
    find: Callable[[Facts], Iterator[str]]


def plateau_patience(facts: Facts) -> Iterator[str]:
    """Find a plateau decay that waits at least as long as the early stop on the same metric."""
    for plateau in facts.enabled("ReduceLROnPlateau"):
        for stopping in facts.enabled("EarlyStopping"):
            cut, stop = _number(plateau, "patience"), _number(stopping, "patience")
            if cut is not None and stop is not None and cut >= stop and _monitor(plateau) == _monitor(stopping):
                yield text(
                    f"{plateau.name} waits {cut:g} values without improvement and {stopping.name} only {stop:g}, so "
                    f"the training stops before a lower learning rate gets its chance: give {plateau.name} half the "
                    f"patience of {stopping.name} or less.",
                    f"{plateau.name} 要等 {cut:g} 次没有改善，而 {stopping.name} 只等 {stop:g} 次：学习率还没来得及降低"
                    f"训练就已停止；请让 {plateau.name} 的 patience 不超过 {stopping.name} 的一半。",
                )


def restore_best_weights(facts: Facts) -> Iterator[str]:
    """Find an early stop that leaves the model with the weights of the last epoch."""
    for stopping in facts.enabled("EarlyStopping"):
        if stopping.options.get("restore_best_weights") is False:
            yield text(
                f"{stopping.name} has restore_best_weights=False: the model keeps the weights of its last epoch, "
                "which by then have been worse than the best for as long as the patience lasts.",
                f"{stopping.name} 设置了 restore_best_weights=False：模型会停在最后一轮的权重上，而它们在整个 patience "
                "期间都不如最佳权重。",
            )


def min_delta(facts: Facts) -> Iterator[str]:
    """Find an early stop that takes any gain for progress, on a metric that is noisy or not yet known."""
    for stopping in facts.enabled("EarlyStopping"):
        metric = _monitor(stopping)
        if stopping.options.get("min_delta") != 0 or not metric.startswith("val/"):
            continue
        curve = [value for value in facts.curves.get(metric, ()) if math.isfinite(value)]
        if len(curve) < _ENOUGH_VALUES:
            yield text(
                f"{stopping.name} has min_delta=0: if {metric} is noisy, any lucky value renews its patience; give the "
                'gain that matters to you, such as min_delta="1%".',
                f"{stopping.name} 设置了 min_delta=0：如果 {metric} 噪声较大，任何一次偶然的好值都会重置 patience；"
                '请给出真正有意义的改善幅度，例如 min_delta="1%"。',
            )
        elif (noise := _noise(curve)) is not None:
            yield text(
                f"{stopping.name} has min_delta=0, and {metric} moves up and down by about {noise:.2g} from one value "
                f"to the next: lucky values renew its patience; try min_delta={noise:.2g}.",
                f"{stopping.name} 设置了 min_delta=0，而 {metric} 相邻两次之间上下波动约 {noise:.2g}：偶然的好值会重置 "
                f"patience；可以试试 min_delta={noise:.2g}。",
            )


def plateau_beside_adam(facts: Facts) -> Iterator[str]:
    """Find a plateau decay beside an optimizer that scales its steps by itself."""
    adaptive = [name for name in facts.optimizers if "adam" in name.lower()]
    for plateau in facts.enabled("ReduceLROnPlateau") if adaptive else ():
        yield text(
            f"{plateau.name} stands beside {adaptive[0]}, which scales the step of each parameter by its recent "
            "gradients already: a rate that is planned for the whole training, such as warm-up and cosine, is what "
            "the authors of AdamW found to help Adam substantially, and has no patience to be tuned.",
            f"{plateau.name} 与 {adaptive[0]} 一起使用，而后者本来就会按近期梯度缩放每个参数的步长：AdamW 的作者发现，"
            "为整个训练预先规划的学习率（例如预热加余弦退火）对 Adam 有明显帮助，而且没有 patience 需要调节。",
        )


def few_cuts(facts: Facts) -> Iterator[str]:
    """Find a plateau decay whose lower bound is reached after a cut or two."""
    # What is scheduled begins at some other rate than the one that will be cut.
    scheduled = facts.schedulers or facts.enabled("WarmUp") or facts.enabled("LearningRateScheduler")
    for plateau in () if scheduled else facts.enabled("ReduceLROnPlateau"):
        factor, least, group = _number(plateau, "factor"), _number(plateau, "min_lr"), plateau.options.get("group")
        rates = [rate for name, rate in facts.lr.items() if group in {None, name} and rate > 0]
        if not rates or factor is None or not 0 < factor < 1 or not least:
            continue
        rate = max(rates)
        cuts = max(0, math.ceil(math.log(least / rate) / math.log(factor) - 1e-9))
        if cuts < _FEW_CUTS:
            yield text(
                f"The learning rate begins at {rate:g}, and {plateau.name} reaches its min_lr={least:g} after "
                f"{cuts} cut{'' if cuts == 1 else 's'} by {factor:g}: begin higher, or lower min_lr.",
                f"学习率从 {rate:g} 开始，{plateau.name} 以 {factor:g} 为系数降低 {cuts} 次就到了 min_lr={least:g}："
                "请提高初始学习率，或降低 min_lr。",
            )


def container_volume(facts: Facts) -> Iterator[str]:
    """Find runs in a container that are written to no volume, and go with the container."""
    if facts.container is None or facts.mount is None:
        return
    if facts.mount == "/" or facts.filesystem in _IN_MEMORY:
        yield text(
            f"{facts.directory} is on no mounted volume of this container ({facts.container}): checkpoints are lost "
            "with the container; mount a volume there, or let run_dir= point to one.",
            f"{facts.directory} 不在这个容器（{facts.container}）挂载的卷上：容器删除后检查点就会丢失；请在那里挂载卷，"
            "或让 run_dir= 指向某个卷。",
        )


def written_out_address(facts: Facts) -> Iterator[str]:
    """Find destinations of alerts whose addresses hold their secrets, so that nobody else can send after a crash."""
    for destination in facts.destinations:
        if destination.startswith("literal:"):
            yield text(
                f"Alerts go to {destination}, an address with its secret written out: this run knows it, and after a "
                "kill neither `lineside deliver` nor a supervisor does; name the secret instead, such as "
                'Route("wecombot://${WECOM_KEY}"), or put the whole address into a variable: Route("$ALERTS").',
                f"告警发往 {destination}，其地址中直接写着密钥：只有本次训练知道它，进程被杀死后 `lineside deliver` "
                '和监护进程都无法投递；请改用变量，例如 Route("wecombot://${WECOM_KEY}")，或把整个地址放入变量：Route("$ALERTS")。',
            )


def _monitor(callback: CallbackInfo) -> str:
    return canonical(str(callback.options.get("monitor")))


def _number(callback: CallbackInfo, option: str) -> float | None:
    value: Any = callback.options.get(option)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None


def _noise(curve: Sequence[float]) -> float | None:
    """Return how far values typically lie off the middle of their neighbours; None for a curve that knows its way.

    A curve is called noisy where it turns at a third of its values or more; pure noise turns at two thirds of them.
    """
    triples = list(zip(curve, curve[1:], curve[2:], strict=False))
    turns = sum((middle - before) * (after - middle) < 0 for before, middle, after in triples)
    if turns * 3 < len(triples):
        return None
    return median(abs(middle - (before + after) / 2) for before, middle, after in triples) or None


RULES = (
    Rule("plateau-patience", "warning", "https://keras.io/api/callbacks/reduce_lr_on_plateau/", plateau_patience),
    Rule("few-cuts", "warning", "https://keras.io/api/callbacks/reduce_lr_on_plateau/", few_cuts),
    Rule("container-volume", "warning", "https://docs.docker.com/engine/storage/", container_volume),
    Rule("written-out-address", "warning", "https://12factor.net/config", written_out_address),
    Rule("restore-best-weights", "info", "https://keras.io/api/callbacks/early_stopping/", restore_best_weights),
    # Prechelt, Early Stopping - But When?: validation errors have many local minima.
    Rule("min-delta", "info", "https://doi.org/10.1007/978-3-642-35289-8_5", min_delta),
    # Loshchilov and Hutter, Decoupled Weight Decay Regularization: a scheduled multiplier helps Adam substantially.
    Rule("plateau-beside-adam", "info", "https://arxiv.org/abs/1711.05101", plateau_beside_adam),
)
