"""From a run's directory to its report."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from lineside.errors import MissingDependency, ReportNotWritten
from lineside.files import write_atomic
from lineside.language import Language, language
from lineside.reports.html.evidence import Evidence
from lineside.store.plain import utf8

NAME = "report.html"


def build_report(
    run_dir: str | Path, *, reader_language: Language | None = None, output: str | Path | None = None
) -> Path:
    """Write the report of a run, while it goes on or after its end, however it ended.

    Args:
        run_dir: the run's directory.
        reader_language: ``"en"`` or ``"zh"``; that of ``LINESIDE_LANG`` unless given.
        output: the file to write, replaced in one go; ``report.html`` in the run's directory unless given.

    Returns:
        The file.

    Raises:
        MissingDependency: jinja2 is not installed.
        RunNotFound: `run_dir` is no run's directory.
        StoreError: the run's records are damaged, or a newer Lineside wrote them.
        ReportNotWritten: there is no such directory, or it cannot be written to.
    """
    if find_spec("jinja2") is None:
        raise MissingDependency("The report", "jinja2", "report")
    from lineside.reports.html.contents import contents
    from lineside.reports.html.page import page

    evidence = Evidence.read(Path(run_dir))
    path = Path(output) if output is not None else evidence.directory.path / NAME
    # Names may hold what no text can: bytes of a file name that were no text either.
    written = utf8(page(contents(evidence, reader_language or language()))).encode()
    try:
        write_atomic(path, written)
    except OSError as error:
        raise ReportNotWritten(path, error) from error
    return path
