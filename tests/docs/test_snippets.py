from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.snippets import SnippetError, script


def write(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, "utf-8")
    return path


def test_blocks_share_a_script_and_keep_their_lines(tmp_path: Path) -> None:
    page = write(tmp_path, "# Page\n\n```python\na = 1\n```\ntext\n```python\nassert a == 1\n```\n")
    assert script(page).splitlines() == ["", "", "", "a = 1", "", "", "", "assert a == 1", ""]


def test_a_block_in_a_list_is_dedented_and_keeps_its_line(tmp_path: Path) -> None:
    page = write(tmp_path, "- item\n\n  ```python\n  if True:\n      a = 1\n  ```\n")
    assert script(page).splitlines()[3:5] == ["if True:", "    a = 1"]


def test_other_languages_are_left_out(tmp_path: Path) -> None:
    page = write(tmp_path, "```console\n$ lineside demo\n```\n\n    indented\n\n```\nplain\n```\n")
    assert script(page).strip() == ""


def test_a_block_with_a_reason_is_not_executed(tmp_path: Path) -> None:
    page = write(tmp_path, "<!-- not executed: needs two machines -->\n\n```python\nboom()\n```\n")
    assert script(page).strip() == ""


def test_the_reason_excuses_only_the_block_after_it(tmp_path: Path) -> None:
    page = write(tmp_path, "<!-- not executed: why -->\n```python\na()\n```\n\n```python\nb()\n```\n")
    assert script(page).split() == ["b()"]


@pytest.mark.parametrize(
    "text", ["<!-- not executed: -->\n```python\na()\n```\n", "```py\na()\n```\n", "```Python\na()\n```\n"]
)
def test_a_block_without_a_reason_or_with_a_misspelt_language_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SnippetError, match=r"page\.md"):
        script(write(tmp_path, text))


def test_a_block_that_is_not_executed_must_still_be_python(tmp_path: Path) -> None:
    page = write(tmp_path, "text\n\n<!-- not executed: why -->\n```python\na b\n```\n")
    with pytest.raises(SyntaxError) as caught:
        script(page)
    assert caught.value.lineno == 5
