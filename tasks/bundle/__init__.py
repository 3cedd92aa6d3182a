"""Bundle: a version as a signed folder of files that answers without Leeway: in Python, a browser, C, or a function.

`bundle_files` returns the files of a form. A bundle is made of a package of the prediction service, so that its
contract and its reference rows are those of the service; `runtimes` has the code that answers.
"""

from tasks.bundle.bundle_forms import FORMS, Form, bundle_files, signed_bundle
from tasks.bundle.bundle_plan import BundledVersion

__all__ = ["FORMS", "BundledVersion", "Form", "bundle_files", "signed_bundle"]
