"""Every error that a user can see. Each message names the culprit, what is allowed, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` did you mean 'x'?`` for the nearest known word, or an empty string."""
    match = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" Did you mean {match[0]!r}?" if match else ""


class LinesideError(Exception):
    """Base of all errors raised by Lineside."""


class CallbackDefinitionError(LinesideError, TypeError):
    """A callback class is written wrongly: an unknown hook, a wrong signature, two hooks for one event."""


class OptionError(LinesideError, ValueError):
    """An option has a value that is not allowed."""


class UnknownOption(OptionError, TypeError):
    """A callback was given an option that it does not have."""

    def __init__(self, callback: str, option: str, known: Iterable[str]) -> None:
        names = list(known)
        super().__init__(f"{callback} has no option {option!r}.{nearest(option, names)} There is: {', '.join(names)}.")


class CallbackNotFound(LinesideError, LookupError):
    """No callback is registered under a name."""


class AttachError(LinesideError):
    """A callback cannot join a run: two of one name, or the host lacks what the callback needs."""


class NotInline(LinesideError, AttributeError):
    """A background callback reached for something that exists on the training thread alone."""


class AdoptedError(LinesideError, AttributeError):
    """An adopted callback reached for something of its own framework that hosts here do not give."""

    def __init__(self, attribute: str, callback: str, host: str, offered: Iterable[str]) -> None:
        super().__init__(
            f"The adopted callback {callback!r} reaches for {attribute}, which it is not given in the host {host!r}. "
            f"There is: {', '.join(offered)}. Do without it, or write the callback as a lineside.Callback."
        )


class MetricNotFound(LinesideError, KeyError):
    """A metric was read that nobody has published."""

    def __str__(self) -> str:
        """Return the message as written; `KeyError` would print its `repr`."""
        return str(self.args[0])


class MonitorError(LinesideError):
    """A monitored metric never came, or nobody can say whether it should go up or down.

    Ends the run whatever `on_error` says: a callback that watches nothing protects nothing.
    """


class RequestRefused(LinesideError):
    """The host or the run cannot do what was requested; the message says why."""


class RunStateError(LinesideError, RuntimeError):
    """A run was used in an order that makes no sense, such as batches outside of an epoch."""


class StateMismatch(LinesideError, ValueError):
    """Saved state does not fit the model, optimizer or data that it is to be put into; nothing was changed."""


class NothingToResume(LinesideError):
    """`resume=` names a run that does not exist, has no checkpoint, or is over."""


class MissingDependency(LinesideError, ImportError):
    """An optional library is not installed; the message holds the line that installs it."""

    def __init__(self, feature: str, library: str, extra: str) -> None:
        super().__init__(f"{feature} needs {library}, which is not installed. Run: pip install 'lineside[{extra}]'")


class ReportNotWritten(LinesideError):
    """The file of a report cannot be written."""

    def __init__(self, path: object, how: object) -> None:
        super().__init__(f"The report {path} cannot be written: {how}. Name a file in a directory that you may write.")


class ConfigError(LinesideError, ValueError):
    """A configuration has mistakes; the message has a line for each, with its place."""

    def __init__(self, problems: Iterable[object]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SlurmUnknown(LinesideError):
    """This process is a Slurm job, and nobody says when it ends."""

    def __init__(self, job: str, why: str) -> None:
        super().__init__(
            f"When the Slurm job {job} ends is unknown: SLURM_JOB_END_TIME is not set; {why}. Give the job's time "
            "yourself, such as limit='11.5 h'."
        )


class TrainingFailed(LinesideError):
    """A process that Lineside started to train ended without a result."""

    def __init__(self, code: int, output: str) -> None:
        super().__init__(f"The training process ended with code {code}. {output or 'Its own message stands above.'}")


# Deliveries.


class DestinationUnresolved(LinesideError):
    """An address names a secret that is not there."""

    def __init__(self, reference: str, why: str) -> None:
        self.reference, self.why = reference, why
        super().__init__(f"Nothing can be sent to {reference}: {why}. Set it where this process runs, then try again.")


# Files and checkpoints.


class PathOutside(LinesideError, ValueError):
    """A path from outside leads out of the directory that it must stay in."""

    def __init__(self, root: object, candidate: object) -> None:
        super().__init__(
            f"{str(candidate)!r} leads out of {root}. Give a path inside that directory, without links out."
        )


class LockHeld(LinesideError):
    """Another process, or another object of this one, holds a lock."""

    def __init__(self, path: object, holder: str) -> None:
        super().__init__(
            f"{path} is locked by {holder}. One process writes a run: wait for it to end, or start a run of your own."
        )


class CheckpointError(LinesideError):
    """Base of what can be wrong with a checkpoint."""


class CheckpointDamaged(CheckpointError):
    """A checkpoint is not what was committed: a file is missing, changed, cut short or foreign."""

    def __init__(self, checkpoint: object, file: str, how: str) -> None:
        self.checkpoint, self.file, self.how = str(checkpoint), file, how
        super().__init__(
            f"Checkpoint {checkpoint} is damaged: {file}: {how}. "
            "Nothing was loaded from it. Use an older checkpoint; a resume does so by itself."
        )


class CheckpointTooNew(CheckpointError):
    """A newer Lineside wrote the checkpoint."""

    def __init__(self, checkpoint: object, version: object, known: int) -> None:
        super().__init__(
            f"Checkpoint {checkpoint} has format {version}, and this Lineside knows formats up to {known}. "
            "Run: pip install --upgrade lineside"
        )


class CheckpointNotFound(CheckpointError, LookupError):
    """No checkpoint has that name or tag."""


class CheckpointUntrusted(CheckpointError):
    """A file that could run code when loaded lies in a checkpoint that this run did not write."""

    def __init__(self, checkpoint: object, file: str) -> None:
        super().__init__(
            f"{file} in {checkpoint} is no format that is safe to load: it can run any code, and this run did not "
            "write it. If you trust its author, open the checkpoint with trust=True."
        )


class CheckpointFailed(CheckpointError):
    """A checkpoint could not be written; earlier ones are untouched and nothing was deleted. The cause is chained."""

    def __init__(self, path: object, how: object, free: int | None = None) -> None:
        room = "" if free is None else f" {free:,} bytes are free there."
        super().__init__(
            f"Writing {path} failed: {how}.{room} Earlier checkpoints are untouched and nothing was deleted. "
            "See that the disk has room and answers; the next save tries again."
        )


class CheckpointContentsError(CheckpointError, ValueError):
    """What is to be saved does not fit the format: a file name, or a value that is not plain data."""


class StandaloneNotOwned(CheckpointError):
    """A stand-alone file would replace one that this run did not write."""

    def __init__(self, path: object) -> None:
        super().__init__(
            f"{path} exists and was not written by this run, so it is not overwritten. "
            "Move it away, or give `filepath` another directory or a placeholder such as {epoch}."
        )


class TemplateError(OptionError):
    """A file-name template has a mistake, or a placeholder that nothing fills."""


# The run directory and its store.


class RunNotFound(LinesideError, LookupError):
    """No run has that name, or a directory is no run's."""


class RunAmbiguous(LinesideError, LookupError):
    """A shortened name stands for several runs; the message lists them."""


class RunDirectoryBusy(LinesideError):
    """Another process writes this run, or another run of this process."""

    def __init__(self, path: object, holder: str) -> None:
        super().__init__(
            f"The run {path} is being written by {holder}, and a run has one writer. "
            "Wait for it to end, stop it, or start a run of your own."
        )


class StoreError(LinesideError):
    """Base of what can be wrong with a run's records."""


class NoRecords(StoreError, LookupError):
    """A run has not recorded anything yet."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{path} holds nothing yet: the run has just begun, or died before it recorded anything.")


class StoreDamaged(StoreError):
    """A file of a run is not what Lineside wrote."""

    def __init__(self, path: object, how: str) -> None:
        super().__init__(
            f"{path} is damaged: {how}. Nothing was changed. "
            "Take the file from a backup, or move it away and go on without it."
        )


class StoreTooNew(StoreError):
    """A newer Lineside wrote the file."""

    def __init__(self, path: object, version: object, known: int) -> None:
        super().__init__(
            f"{path} has format {version}, and this Lineside knows formats up to {known}. "
            "Run: pip install --upgrade lineside"
        )


class StoreUnavailable(StoreError):
    """A file of a run cannot be read or written now: the disk is full or failing, or another process is in the way."""

    def __init__(self, path: object, how: str) -> None:
        super().__init__(
            f"{path} cannot be used now: {how}. What was committed is safe. "
            "See that the disk has room and answers, then try again."
        )
