"""The forms of a bundle: Python, browser, C, onnxruntime, and AWS Lambda; each is a signed folder of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from tasks.bundle.browser_files import browser_files, browser_references
from tasks.bundle.bundle_plan import BundledVersion, bundle_data, bundle_plan
from tasks.bundle.bundle_readme import bundle_readme
from tasks.bundle.c_program.c_files import c_files
from tasks.bundle.python_files import lambda_files, python_files
from tasks.bundle.repeated_references import repeated_references
from tasks.bundle.runtimes.answering_bundle import Bundle, onnx_run
from tasks.bundle.runtimes.bundle_content import DATA_FILE
from tasks.errors import EvidenceError
from tasks.inference.onnx_session import ONNX_FILE
from tasks.registry.manifest import seal
from tasks.registry.statement import Statement

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Form = Literal["python", "browser", "c", "onnx", "lambda"]
FORMS: tuple[Form, ...] = get_args(Form)
MOST_REFERENCES: Mapping[Form, int] = {"browser": 100, "c": 100}
"""References that a bundle has, where each byte counts; every accepted and refused kind of row is among the first."""


def bundle_files(form: Form, bundled: BundledVersion, licence: bytes) -> dict[str, bytes]:
    """Return the files of a bundle, without its signature.

    Parameters
    ----------
    licence : bytes
        The licence of the runtime.

    Raises
    ------
    DataError
        When the version cannot be bundled, or this form cannot do what its contract says.
    """
    compact = form != "onnx"
    plan = bundle_plan(bundled, compact=compact)
    run = None if compact else onnx_run(bundled.model)
    unproven = Bundle(bundle_data(plan, []), run)
    references = repeated_references(unproven, bundled, exponential=plan["answer"]["exponential"])
    references = references[: MOST_REFERENCES.get(form, len(references))]
    if form == "browser":
        references = browser_references(references, bundled.contract)
    data = bundle_data(plan, references)
    return {
        **_files(form, bundled, plan, references, data),
        "LICENSE": licence,
        "README.txt": bundle_readme(form, bundled),
    }


def _files(
    form: Form, bundled: BundledVersion, plan: Mapping[str, Any], references: Sequence[Mapping[str, Any]], data: bytes
) -> dict[str, bytes]:
    if form == "c":
        return c_files(bundled, plan, references)
    if form == "browser":
        return {**browser_files(bundled, plan, data), DATA_FILE: data}
    if form == "lambda":
        return {**lambda_files(), DATA_FILE: data}
    if form == "onnx":
        return {**python_files(), DATA_FILE: data, ONNX_FILE: bundled.model}
    return {**python_files(), DATA_FILE: data}


def signed_bundle(
    files: Mapping[str, bytes], form: Form, bundled: BundledVersion, private: Ed25519PrivateKey, moment: datetime
) -> dict[str, bytes]:
    """Return the files of a bundle with a signed manifest: what it is, and the sha256 of each."""
    package = bundled.package
    about = about_bundle(package.project, package.version_key, form, bundled.serial)
    return seal(files, about, private, Statement(f"bundle of version {package.version}", moment))


def about_bundle(project: str, key: str, form: str, serial: int) -> dict[str, str]:
    """Return what the manifest of a bundle is about."""
    return {"project": project, "key": key, "bundle": form, "serial": str(serial)}


def checked_about(manifest: Any) -> dict[str, str]:
    """Return what a manifest says that it is about; its signature is yet to be verified for that.

    Raises
    ------
    EvidenceError
        When it is not about a bundle.
    """
    about = manifest.get("about") if isinstance(manifest, dict) else None
    if not isinstance(about, dict) or about.get("bundle") not in FORMS or not str(about.get("serial")).isdigit():
        raise EvidenceError(f"the manifest is about {about}; expected a bundle: write it with `leeway bundle`.")
    return {str(name): str(value) for name, value in about.items()}
