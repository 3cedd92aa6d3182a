"""`python -m tasks.spec [deployments]`: write the generated files, spec.schema.json and the reference in README.md."""

from __future__ import annotations

import sys
from pathlib import Path

from tasks.spec.reference import with_reference
from tasks.spec.schema import schema_text


def main(folder: Path) -> None:
    """Write the schema and the reference of project.yaml into the projects folder."""
    readme = folder / "README.md"
    (folder / "spec.schema.json").write_text(schema_text(), encoding="utf-8")
    readme.write_text(with_reference(readme.read_text(encoding="utf-8") if readme.exists() else ""), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "deployments"))
