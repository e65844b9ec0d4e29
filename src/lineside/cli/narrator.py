"""What `lineside demo` says, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lineside.cli.outcome import Outcome
from lineside.cli.position import Position
from lineside.cli.proof import Comparison
from lineside.language import text

STAGES: Final = 5
_SHOWN = 16
"""Digits of a digest that are shown: enough to see a difference, short enough to be read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies: a file, or a directory in which a file fits a pattern."""

    what: str
    path: Path
    pattern: str | None = None

    def filled(self) -> bool:
        """Tell whether it is there, and not empty."""
        files = [self.path] if self.pattern is None else self.path.glob(self.pattern)
        return any(file.is_file() and file.stat().st_size for file in files)


class Narrator:
    """Tells the demo's story, a plain line a stage.

    Args:
        console: the terminal; standard output unless given.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._stage = 0

    def title(self) -> None:
        """Say what is to come."""
        self._console.rule(f"[bold]{text('Lineside demo', 'Lineside 演示')}", style="cyan")

    def starting(self, pid: int, epoch: int) -> None:
        """The first process has begun to train; it is to be killed in `epoch`, counted from 0."""
        self._next(
            text("Start", "开始"),
            text(
                f"Process {pid} trains a small CNN on 1,797 scanned digits. It will be killed in epoch {epoch + 1}.",
                f"进程 {pid} 用 1,797 张扫描的手写数字训练一个小型 CNN，将在第 {epoch + 1} 轮被强行终止。",
            ),
        )

    def killed(self, pid: int, at: Position) -> None:
        """The first process is dead."""
        self._console.show_cursor()  # a progress bar hides it, and the process could not put it back
        if self._console.is_terminal:
            self._console.print()
        self._next(
            text("Kill", "终止"),
            text(
                f"kill -9 {pid} in epoch {at.epoch + 1}, soon after step {at.step}: nothing more could be saved.",
                f"第 {at.epoch + 1} 轮，第 {at.step} 步之后不久：kill -9 {pid}，再也无法保存任何内容。",
            ),
        )

    def resuming(self, at: Position) -> None:
        """The second process goes on."""
        self._next(
            text("Resume", "恢复"),
            text(
                f'resume="auto" finds {at.checkpoint}: epoch {at.epoch + 1}, batch {at.batch} of {at.batches}.',
                f'resume="auto" 找到 {at.checkpoint}：第 {at.epoch + 1} 轮，第 {at.batch}/{at.batches} 批。',
            ),
        )

    def ended(self, outcome: Outcome) -> None:
        """The resumed training is over; it has said itself why."""
        best = outcome.best
        if outcome.restored:
            self._detail(
                text(f"The best weights are back in the model: those of {best}.", f"模型已恢复最佳权重：{best}。")
            )
        else:
            self._detail(
                text(f"The model does NOT have the best weights, those of {best}.", f"模型未恢复最佳权重 {best}。"),
                style="bold red",
            )

    def repeating(self) -> AbstractContextManager[object]:
        """The same training runs once more, undisturbed; shows that time passes."""
        self._next(
            text("Proof", "证明"),
            text(
                "The same training once more, in one go. SHA-256 of both:",
                "同样的训练，一气呵成，再做一次。两者的 SHA-256：",
            ),
        )
        return self._console.status(text("training …", "训练中 …"))

    def compared(self, resumed_step: int | None, at: Position, comparisons: Sequence[Comparison]) -> None:
        """Show what came out of both, and whether the killed one really resumed."""
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
        for heading in ("", text("killed and resumed", "终止后恢复"), text("undisturbed", "未受干扰"), ""):
            table.add_column(heading)
        for each in comparisons:
            table.add_row(each.what, _short(each.resumed), _short(each.undisturbed), _verdict(each.equal))
        self._print(table)
        if resumed_step != at.step:
            self._detail(
                text(
                    f"The run did not resume from step {at.step}: its records say {resumed_step}.",
                    f"训练没有从第 {at.step} 步恢复：记录显示为 {resumed_step}。",
                ),
                style="bold red",
            )

    def result(self, outcome: Outcome) -> None:
        """Say what the training is worth."""
        share = outcome.right / outcome.tested
        self._next(
            text("Result", "结果"),
            text(
                f"The model reads {outcome.right} of {outcome.tested} digits that it never saw: {share:.1%}.",
                f"{outcome.tested} 张从未见过的数字中，识别正确 {outcome.right} 张：{share:.1%}。",
            ),
        )

    def places(self, run: Path, places: Sequence[Place]) -> list[Place]:
        """Say where things lie in the run's directory; return what is missing there, which is said as well."""
        self._detail(text(f"All of it lies in {run}:", f"全部位于 {run}："))
        table = Table.grid(padding=(0, 3, 0, 0))
        for place in places:
            missing = Text("") if place.filled() else Text(text("MISSING", "缺失"), "bold red")
            table.add_row(Text(place.what, "dim"), str(place.path.relative_to(run)), missing)
        self._print(table)
        return [place for place in places if not place.filled()]

    def costs(self, table: str) -> None:
        """Show what each callback cost."""
        self._detail(text("What each callback cost since the resume:", "恢复以来每个回调的开销："))
        self._print(Text(table))

    def end(self, seconds: float, *, proven: bool) -> None:
        """Say how it went, and how long it took."""
        verdict = (
            text("Killed, resumed, nothing lost.", "被终止，已恢复，没有丢失任何内容。")
            if proven
            else text("NOT proven: see the lines in red.", "未能证明：见红色各行。")
        )
        self._console.print()
        self._console.rule(
            Text(f"{verdict} {seconds:.0f} {text('s', '秒')}", "bold green" if proven else "bold red"), style="cyan"
        )

    def too_short(self, epoch: int) -> None:
        """The first training was over before it could be killed."""
        self._detail(
            text(
                f"The training ended before it could be killed in epoch {epoch + 1}, so nothing is proven.",
                f"训练在第 {epoch + 1} 轮被终止之前就已结束，因此无法证明。",
            ),
            style="bold red",
        )

    def interrupted(self) -> None:
        """Ctrl-C."""
        self._console.show_cursor()
        self._detail(text("Interrupted.", "已中断。"), style="bold red")

    def _next(self, name: str, sentence: str) -> None:
        self._stage += 1
        self._console.print()
        heading = Text(f"{self._stage}/{STAGES} {name}  ", "bold cyan")
        self._console.print(heading.append(sentence, "not bold default"))

    def _detail(self, sentence: str, style: str = "") -> None:
        self._console.print(Text(sentence, style))

    def _print(self, what: Table | Text) -> None:
        self._console.print(Padding(what, (0, 0, 0, 2)))


def _verdict(equal: bool) -> Text:
    return Text(text("equal", "相同"), "bold green") if equal else Text(text("DIFFERENT", "不同"), "bold red")


def _short(value: str) -> str:
    return f"{value[:_SHOWN]}…" if len(value) > _SHOWN else value
