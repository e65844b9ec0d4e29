"""`load`: from a file to an `Experiment`, with all mistakes told at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from lineside.config.callback_items import ENABLED, expand_presets, is_disabled, options_of_item
from lineside.config.experiment import Experiment
from lineside.config.overrides import CALLBACKS, apply_overrides
from lineside.config.problems import Problems
from lineside.config.references import HERE, resolve_references
from lineside.config.sections import SectionReader
from lineside.config.source import read_file
from lineside.config.tree import Items, Node, Table
from lineside.errors import ConfigError


def load(path: str | Path, assignments: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> Experiment:
    """Read a training from a YAML or TOML file, and check all of it: names, types, callbacks and their options.

    What the file names is imported, and callbacks are made once to see whether they take their options; model and data
    are not made. Modules beside the file must be importable: see `lineside.config.names.importable`.

    Args:
        path: of the file.
        assignments: what to set in it, such as ``optimizer.lr=0.1``.
        environment: variables for ``${NAME}``; those of the process unless given.

    Raises:
        ConfigError: with all mistakes, each with its place in the file.
        MissingDependency: PyYAML or PyTorch is not installed.
    """
    path, problems = Path(path), Problems()
    root = read_file(path, problems)
    if root is not None:
        expand_presets(root.entries.get(CALLBACKS), problems)
        apply_overrides(root, assignments, problems)
        variables = {**(os.environ if environment is None else environment), HERE: str(path.resolve().parent)}
        _resolve(root, variables, problems)
        experiment = SectionReader(path, root, problems).read()
        if experiment is not None:
            return experiment
    raise ConfigError(problems.found())


def _resolve(root: Table, variables: Mapping[str, str], problems: Problems) -> None:
    """Resolve all references; a variable that only a callback that is switched off needs may be missing."""
    for name, section in root.entries.items():
        if name != CALLBACKS or not isinstance(section, Items):
            resolve_references(section, variables, problems, name)
            continue
        for item in section.items:
            _resolve_switch(item, variables, problems)
            resolve_references(item, variables, Problems() if is_disabled(item) else problems, name)


def _resolve_switch(item: Node, variables: Mapping[str, str], problems: Problems) -> None:
    options = options_of_item(item)
    if options is not None and ENABLED in options.entries:
        resolve_references(options.entries[ENABLED], variables, problems, ENABLED)
