"""Write the files that are generated from the code and the specs: `python -m flows.stack.generate`."""

from __future__ import annotations

from pathlib import Path

from flows.stack.deployments import prefect_yaml
from tasks.spec import read_spec
from tasks.spec.docs.json_schema import schema_text
from tasks.spec.docs.key_reference import with_reference
from tasks.spec.find_project import FILE

PROJECTS = Path(__file__).parents[2] / "deployments"


def generated(projects: Path) -> dict[Path, str]:
    """Return the content of each generated file of a projects folder.

    Parameters
    ----------
    projects : Path
        The folder with the project folders; the part of its README.md above the reference is kept.

    Raises
    ------
    SpecError
        When a project's spec is not valid.
    """
    readme = projects / "README.md"
    introduction = readme.read_text(encoding="utf-8") if readme.exists() else ""
    return {
        projects / "spec.schema.json": schema_text(),
        projects / "prefect.yaml": prefect_yaml([read_spec(path) for path in sorted(projects.glob(f"*/{FILE}"))]),
        readme: with_reference(introduction),
    }


def main() -> None:
    """Write the generated files of this checkout."""
    for path, text in generated(PROJECTS).items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
