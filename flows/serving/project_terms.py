"""What a project is served by: its spec and the contract compiled from it, read again when one of its files changes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.steps.in_service.single_rows import RowTerms, row_terms
from tasks.dataset.degree_in_force import limited
from tasks.inference.automation_degree import Degree
from tasks.row_contract import RowContract
from tasks.spec import ProjectSpec, read_spec
from tasks.user_code.on_request.code_digest import code_files


@dataclass(frozen=True)
class Terms:
    """The terms of a project's rows, and the contract compiled from them."""

    rows: RowTerms
    contract: RowContract

    @property
    def spec(self) -> ProjectSpec:
        """The spec of the project."""
        return self.rows.spec


class ProjectTerms:
    """The terms of a project.

    Parameters
    ----------
    path : Path
        The project's project.yaml.

    Attributes
    ----------
    stamp : object
        Changes whenever the terms do.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._highest: Degree = "full"
        self._terms: Terms | None = None
        self.stamp: object = None

    def terms(self, highest: Degree | None = None) -> Terms:
        """Return the terms, read again when a file has changed.

        Parameters
        ----------
        highest : str, optional
            The degree of automation in force; by default that of the call before.
        """
        self._highest = highest or self._highest
        if self._terms is not None and self.stamp == self._stamp_now(self._terms.spec):
            return self._terms
        spec = limited(read_spec(self._path), self._highest)
        stamp, rows = self._stamp_now(spec), row_terms(spec, self._path.parent)
        self._terms, self.stamp = Terms(rows, rows.contract), stamp
        return self._terms

    def _stamp_now(self, spec: ProjectSpec) -> tuple[object, ...]:
        folder = self._path.parent
        code = code_files(folder) if spec.row_function is not None else []
        files = (self._path, folder / spec.contract.suite, *code)
        return (*((str(file), file.stat().st_mtime_ns) for file in files), self._highest)
