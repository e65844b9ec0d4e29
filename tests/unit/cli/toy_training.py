"""A training without a model, which stands in for the one of the demo: the same arguments, the same files, no time.

The first process waits in its second epoch to be killed. The environment variable TOY makes things go wrong:
`broken`, `hasty` (nothing is saved on the way, and nobody waits to be killed), `forgetful` (a resume begins anew),
`different` (the two come to another end).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from lineside.callback import Callback, every
from lineside.cli.outcome import Outcome
from lineside.ports import RunView
from lineside.run import Run


class SaveOften(Callback):
    @every("3 steps")
    def on_batch_end(self, run: RunView) -> None:
        run.save(tag="periodic", reason="every 3 steps")


def main() -> None:
    run_dir, project, name, epochs, outcome = sys.argv[1:6]
    resume, undisturbed = "--resume" in sys.argv, name.endswith("-undisturbed")
    wrong = os.environ.get("TOY")
    if wrong == "broken":
        print("the toy is broken")
        sys.exit(3)
    with Run(
        callbacks=[] if wrong == "hasty" else [SaveOften()],
        run_dir=run_dir,
        project=project,
        name=name,
        resume="auto" if resume and wrong != "forgetful" else None,
    ) as run:
        for epoch in run.epochs(int(epochs)):
            for number in run.batches(range(10)):
                run.stepped()
                while (epoch, number) == (1, 4) and not (resume or undisturbed or wrong == "hasty"):
                    time.sleep(0.01)
    (run.dir / "plots").mkdir()
    (run.dir / "tensorboard").mkdir()
    for file in ("plots/curve.png", "metrics.csv", "tensorboard/events.out.tfevents.1"):
        (run.dir / file).write_text("something")
    best = run.checkpoints.last
    assert best is not None
    trained = f"trained {'otherwise' if undisturbed and wrong == 'different' else 'so'}"
    Outcome(run.step, "weights", trained, "weights", {}, 300, 297, best.name, run.summary or "").write(Path(outcome))


if __name__ == "__main__":
    main()
