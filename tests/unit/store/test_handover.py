from __future__ import annotations

from pathlib import Path

import pytest

from lineside.errors import OptionError
from lineside.store.handover import Handover, Opened, resumes_by_itself


def opened(run: str, name: str = "run") -> Opened:
    return Opened(f"/runs/default/{run}", "default", name)


def runs(handover: Handover) -> list[tuple[str, str]]:
    return [(Path(entry.run).name, entry.when) for entry in handover.entries()]


def test_a_process_that_nobody_supervises_has_no_file() -> None:
    assert Handover.of_this_process({}) is None
    found = Handover.of_this_process({"LINESIDE_SUPERVISED": "/tmp/x"})
    assert found is not None
    assert found.path == Path("/tmp/x")


def test_nothing_was_opened_before_the_first_attempt(tmp_path: Path) -> None:
    first = Handover(tmp_path / "1")
    assert (first.entries(), first.earlier("default", "run")) == ([], None)
    first.add(opened("a"))
    assert (runs(first), first.opened()) == ([("a", "now")], [opened("a")])
    assert first.earlier("default", "run") is None


def test_each_run_of_a_script_goes_on_with_the_one_at_its_own_place(tmp_path: Path) -> None:
    """Five folds of one name: the third was killed, and the first must not go on with its weights."""
    first = Handover(tmp_path / "1")
    for name in ("fold-1", "fold-2", "fold-3"):
        first.add(opened(name))
    first.add(opened("other", "other"))
    second = first.next(tmp_path / "2")
    assert second.earlier("default", "other") == Path("/runs/default/other")
    for name in ("fold-1", "fold-2", "fold-3"):
        assert second.earlier("default", "run") == Path(f"/runs/default/{name}")
        second.add(opened(f"{name}-again" if name != "fold-3" else name))
    assert second.earlier("default", "run") is None


def test_a_third_attempt_knows_what_the_second_did_not_come_to(tmp_path: Path) -> None:
    first = Handover(tmp_path / "1")
    for name in ("a", "b", "c"):
        first.add(opened(name))
    second = first.next(tmp_path / "2")
    second.add(opened("a-again"))
    second.add(opened("b"))
    third = second.next(tmp_path / "3")
    assert runs(third) == [("a-again", "before"), ("b", "before"), ("c", "before")]


def test_lines_of_others_and_torn_ones_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "1"
    handover = Handover(file)
    handover.add(opened("a"))
    file.write_bytes(b'[]\n{"run": 1}\n' + file.read_bytes() + b'{"run": "/runs/b", "proj')
    assert runs(handover) == [("a", "now")]


@pytest.mark.parametrize(("said", "meant"), [(None, False), ("", False), ("auto", True)])
def test_a_variable_makes_new_runs_resume(said: str | None, meant: bool) -> None:
    assert resumes_by_itself({} if said is None else {"LINESIDE_RESUME": said}) is meant


def test_another_value_of_it_is_refused() -> None:
    with pytest.raises(OptionError, match="LINESIDE_RESUME='yes' is unknown: use auto"):
        resumes_by_itself({"LINESIDE_RESUME": "yes"})
