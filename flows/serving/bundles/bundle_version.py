"""Bundles a version of a project: verified, packaged as for the prediction service, signed as its packages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flows.loaded_version import Sealed, fetched
from flows.serving.package_version import packaged
from flows.steps.in_service.single_rows import RowTerms, row_terms
from flows.workspace import Workspace
from tasks.bundle import BundledVersion, Form, bundle_files, signed_bundle
from tasks.bundle.compressed.smaller_forms import SmallerForm
from tasks.compact import COMPACT_FILE, has_fixed_sums
from tasks.errors import DataError, Terminal
from tasks.inference.onnx_session import ONNX_FILE
from tasks.inference.schema import SCHEMA_FILE, ModelSchema
from tasks.package import unservable
from tasks.records import RecordedVersion
from tasks.spec import ProjectSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from tasks.registry.statement import Signed
    from tasks.registry.versions import Version

KEPT_BACK = ("human", "shadow")


@dataclass(frozen=True)
class Signing:
    """What a bundle is signed with, the licence of its runtime, and when it is made."""

    key: Ed25519PrivateKey
    licence: bytes
    moment: datetime


@dataclass(frozen=True)
class MadeBundle:
    """A bundle, ready to be written: its version, and its files with their signature."""

    version: int
    bundled: BundledVersion
    files: dict[str, bytes]


def bundle_of(
    workspace: Workspace,
    found: Sealed,
    form: Form,
    signing: Signing,
    smaller: SmallerForm | None = None,
) -> MadeBundle:
    """Return the bundle of a version.

    Parameters
    ----------
    found : tuple
        See `version_to_bundle`.
    smaller : SmallerForm, optional
        A form of the version that answers instead of it.

    Raises
    ------
    DataError
        When it cannot be bundled; every reason is named.
    """
    bundled = bundled_version(found, row_terms(workspace.spec, workspace.folder), form, signing.moment, smaller)
    files = bundle_files(form, bundled, signing.licence)
    signed = signed_bundle(files, form, bundled, signing.key, signing.moment)
    return MadeBundle(bundled.package.version, bundled, signed)


def version_to_bundle(workspace: Workspace, number: int | None) -> Sealed:
    """Return a version with its verified files; the champion where no number is given.

    Raises
    ------
    Terminal
        When there is no such version.
    """
    recorded = _recorded(workspace, number)
    found = fetched(workspace.registry, workspace.project, recorded)
    if found is None:
        raise Terminal(
            f"the registry has no version {recorded.number} of {workspace.project}; `leeway status "
            f"{workspace.project}` shows what there is"
        )
    return found


def bundled_version(
    found: tuple[Version, Mapping[str, bytes], Signed],
    terms: RowTerms,
    form: Form,
    moment: datetime,
    smaller: SmallerForm | None = None,
) -> BundledVersion:
    """Return what a bundle of a verified version is made of.

    Parameters
    ----------
    terms : RowTerms
        See `row_terms`.
    smaller : SmallerForm, optional
        The form that answers; its references are what the batch would answer with it.
    """
    (version, files, signed), spec = found, terms.spec
    if smaller is not None:
        files = {**files, COMPACT_FILE: smaller.content}
    schema = ModelSchema.from_json(files[SCHEMA_FILE])
    if faults := unbundled(spec, schema, files, form):
        raise DataError(f"version {version.number} of {spec.project} cannot be bundled: {'; '.join(faults)}")
    made_on, days = moment.date(), spec.edge.stale_after_days
    return BundledVersion(
        package=packaged(version, files, signed, terms, moment),
        schema=schema,
        model=files[ONNX_FILE if form == "onnx" else COMPACT_FILE],
        made_on=made_on,
        stale_on=None if days is None else made_on + timedelta(days=days),
        serial=int(moment.timestamp()),
        label=spec.source.label.column,
        leaf="f8" if smaller is None else smaller.leaf,
        smaller="" if smaller is None else smaller.name,
        row_label=spec.source.label.column if spec.source.label.uri is None else "",
        objective=spec.scope.objective,
    )


def unbundled(spec: ProjectSpec, schema: ModelSchema, files: Mapping[str, bytes], form: Form) -> list[str]:
    """Return why a version cannot be bundled, and what can be done about each; empty if it can."""
    reasons = unservable(spec, schema)
    if spec.row_function is not None or spec.features.tables:
        reasons.append(
            "a bundle has no code and no tables of a project: answer with `leeway serve` or the nightly batch, or "
            "train a version on the columns of a row alone (without features.function and features.tables)"
        )
    if spec.automation.degree in KEPT_BACK:
        reasons.append(
            f"automation.degree is {spec.automation.degree}, with which no answer of the model is shown; expected "
            "assist, partial or full"
        )
    if spec.automation.degree == "assist" and spec.automation.blind_share:
        reasons.append(
            "automation.blind_share hides the proposals of some rows, which a bundle shows; expected 0, or another "
            "degree"
        )
    if COMPACT_FILE not in files and form != "onnx" and schema.format == "onnx":
        reasons.append(f"it has no {COMPACT_FILE}, as versions of an earlier Leeway: retrain, or use `--for onnx`")
    if form == "onnx" and COMPACT_FILE in files and not has_fixed_sums(files[COMPACT_FILE]):
        reasons.append("it is linear, and onnxruntime adds up in another order on each processor: use another form")
    return reasons


def _recorded(workspace: Workspace, number: int | None) -> RecordedVersion:
    record = workspace.champion_record()
    if number is not None:
        return RecordedVersion(number, record.digest(number))
    champions = record.champions()
    if not champions:
        raise Terminal(
            f"{workspace.project} has no champion yet; approve a version with `leeway approve {workspace.project}`, or "
            "name one with --version"
        )
    return champions[0]
