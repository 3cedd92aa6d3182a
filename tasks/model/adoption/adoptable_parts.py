"""What a file that is adopted may consist of: a list of kinds of nodes, classes and functions, and nothing else.

A class is on the list if its predictions are sums, products and comparisons of NumPy on arrays that NumPy measures, or
if `sound_trees` and `sound_parts` have checked the numbers that its own native code follows. So it reads no file, calls
no function of a user, connects to nothing, and returns as many columns as it was fitted to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zipfile import ZipFile

import numpy as np

CLASSES = {
    "sklearn.pipeline": "Pipeline FeatureUnion",
    "sklearn.compose": "ColumnTransformer TransformedTargetRegressor _RemainderColsList",
    "sklearn.model_selection": "GridSearchCV RandomizedSearchCV HalvingGridSearchCV HalvingRandomSearchCV KFold "
    "StratifiedKFold GroupKFold TimeSeriesSplit ShuffleSplit RepeatedKFold",
    "sklearn.metrics": "_PassthroughScorer",
    "sklearn.impute": "SimpleImputer MissingIndicator",
    "sklearn.preprocessing": "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler Normalizer Binarizer "
    "PowerTransformer QuantileTransformer OneHotEncoder OrdinalEncoder KBinsDiscretizer PolynomialFeatures "
    "FunctionTransformer LabelBinarizer LabelEncoder",
    "sklearn.decomposition": "PCA TruncatedSVD",
    "sklearn.feature_selection": "VarianceThreshold SelectFromModel",
    "sklearn.linear_model": "LinearRegression Ridge RidgeCV Lasso LassoCV ElasticNet ElasticNetCV BayesianRidge "
    "ARDRegression HuberRegressor QuantileRegressor SGDRegressor PoissonRegressor GammaRegressor TweedieRegressor "
    "TheilSenRegressor Lars LassoLars OrthogonalMatchingPursuit LogisticRegression LogisticRegressionCV SGDClassifier "
    "RidgeClassifier RidgeClassifierCV Perceptron",
    "sklearn.svm": "LinearSVC LinearSVR",
    "sklearn.naive_bayes": "GaussianNB BernoulliNB MultinomialNB",
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "sklearn.neural_network": "MLPRegressor MLPClassifier AdamOptimizer SGDOptimizer",
    "sklearn.neighbors": "KNeighborsRegressor KNeighborsClassifier",
    "sklearn.dummy": "DummyRegressor DummyClassifier",
    "sklearn.calibration": "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration",
    "sklearn.tree": "DecisionTreeRegressor DecisionTreeClassifier ExtraTreeRegressor ExtraTreeClassifier",
    "sklearn.ensemble": "RandomForestRegressor RandomForestClassifier ExtraTreesRegressor ExtraTreesClassifier "
    "GradientBoostingRegressor GradientBoostingClassifier HistGradientBoostingRegressor HistGradientBoostingClassifier "
    "AdaBoostRegressor AdaBoostClassifier BaggingRegressor BaggingClassifier VotingRegressor VotingClassifier "
    "StackingRegressor StackingClassifier _BinMapper TreePredictor",
    "sklearn._loss": "IdentityLink LogLink LogitLink HalfLogitLink MultinomialLogit Interval AbsoluteError "
    "ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss HalfSquaredError "
    "HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss",
    "sklearn.utils": "Bunch",
}
"""By package: a class is on the list wherever in its package it is defined."""
FUNCTIONS = "log log2 log10 log1p exp exp2 expm1 sqrt cbrt square absolute abs negative sign sin cos"
"""Of numpy: each makes one number of one number."""
CHECK = "sklearn.utils.validation.check_array"
"""Boosting on categories has a check of its input in it, with arguments: building it calls nothing."""
ARRAYS = ("numpy.", "numpy.ma.")


def _is_class(name: str) -> bool:
    package, _, kind = name.rpartition(".")
    return any(kind in known.split() and f"{package}.".startswith(f"{top}.") for top, known in CLASSES.items())


def _is_function(name: str) -> bool:
    return name == CHECK or (name.startswith("numpy.") and name.rpartition(".")[2] in FUNCTIONS.split())


def _one_of(*names: str) -> Callable[[str], bool]:
    return frozenset(names).__contains__


def _is_value(name: str) -> bool:
    package, _, kind = name.rpartition(".")
    if package == "builtins":
        return kind in {"str", "int", "float", "bool", "NoneType"}
    return package == "numpy" and isinstance(found := getattr(np, kind, None), type) and issubclass(found, np.generic)


NODES: Mapping[str, Callable[[str], bool]] = {
    "ObjectNode": _is_class,
    "FunctionNode": _is_function,
    "PartialNode": _one_of("functools.partial"),
    "TreeNode": _one_of("sklearn.tree._tree.Tree"),
    "LossNode": lambda name: name.startswith(("sklearn._loss._loss.Cy", "sklearn.linear_model._sgd_fast.")),
    "DictNode": _one_of("builtins.dict", "sklearn.utils._bunch.Bunch"),
    "ListNode": _one_of("builtins.list"),
    "TupleNode": _one_of("builtins.tuple"),
    "JsonNode": _one_of("builtins.str"),
    "SliceNode": _one_of("builtins.slice"),
    "TypeNode": _is_value,
    "NdArrayNode": lambda name: name.startswith(ARRAYS),
    "MaskedArrayNode": lambda name: name.startswith(ARRAYS),
    "DTypeNode": _one_of("numpy.dtype"),
    "RandomStateNode": _one_of("numpy.random.mtrand.RandomState"),
    "RandomGeneratorNode": _one_of("numpy.random._generator.Generator"),
}
"""By the kind of a node, which names it may have: skops builds any name of a kind, some by a call."""


def file_fault(archive: ZipFile, most_bytes: int) -> str:
    """Return why a skops file is not read; empty if all of its nodes are on the list, and its arrays are not too large.

    Arrays are counted once for each node that has them: several nodes may name one entry of the file.
    """
    entries = {entry.filename: entry.file_size for entry in archive.infolist()}
    size_bytes = sum(entries.values())
    if size_bytes > most_bytes:
        return f"unpacked it has {size_bytes:,} bytes; expected at most {most_bytes:,}. Train a smaller model"
    arrays: dict[object, int] = {}
    for node in _nodes(json.loads(archive.read("schema.json"))):
        loader, name = node["__loader__"], f"{node.get('__module__')}.{node.get('__class__')}"
        if loader not in NODES:
            return f"building it calls {name} ({loader}). Expected what `skops.io.dump` writes: fit it again"
        if not NODES[loader](name):
            return _unknown(name)
        if isinstance(file := node.get("file"), str):
            number = node.get("__id__") or object()  # nodes of one number are one array: of which of them is not known
            arrays[number] = max(arrays.get(number, 0), entries.get(file, 0))
    if (size_bytes := sum(arrays.values())) > most_bytes:
        return f"its arrays have {size_bytes:,} bytes, some several times; expected at most {most_bytes:,}"
    return ""


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__loader__" in node:
                yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _unknown(name: str) -> str:
    package, _, kind = name.rpartition(".")
    near = [known for top, known in CLASSES.items() if f"{package}.".startswith(f"{top}.")]
    from_here = f" Of {'.'.join(package.split('.')[:2])} there are {', '.join(near[0].split())}." if near else ""
    return (
        f"it has {name}, and {kind} is not among the classes of scikit-learn and the functions of numpy that are known "
        f"to compute from the numbers of a row alone.{from_here} Make such columns with features.function, or fit "
        "another estimator"
    )
