"""NumPy and plain Python by their TensorFlow counterparts: which name takes which place."""

from __future__ import annotations

REDUCTIONS = {
    "sum": "reduce_sum", "mean": "reduce_mean", "max": "reduce_max", "min": "reduce_min",
    "amax": "reduce_max", "amin": "reduce_min", "prod": "reduce_prod", "average": "reduce_mean",
    "std": "math.reduce_std", "var": "math.reduce_variance",
}  # fmt: skip
"""Functions (and methods of arrays) that take ``axis`` second, or by name, and ``keepdims``."""

SAME = {
    "square": "square", "sqrt": "sqrt", "exp": "exp", "log": "math.log", "log1p": "math.log1p",
    "expm1": "math.expm1", "abs": "abs", "absolute": "abs", "fabs": "abs", "tanh": "tanh",
    "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "arctan": "atan",
    "arcsin": "asin", "arccos": "acos", "arctan2": "atan2", "arcsinh": "asinh",
    "arctanh": "atanh", "maximum": "maximum", "minimum": "minimum", "power": "pow",
    "float_power": "pow", "multiply": "multiply", "add": "add", "subtract": "subtract",
    "divide": "divide", "true_divide": "divide", "negative": "negative", "reshape": "reshape",
    "expand_dims": "expand_dims", "squeeze": "squeeze", "cumsum": "cumsum", "tile": "tile",
    "broadcast_to": "broadcast_to", "stack": "stack", "einsum": "einsum",
    "real": "math.real", "imag": "math.imag", "reciprocal": "math.reciprocal",
    "cumprod": "math.cumprod", "trace": "linalg.trace", "linalg.det": "linalg.det",
    "linalg.inv": "linalg.inv", "zeros_like": "zeros_like", "ones_like": "ones_like",
}  # fmt: skip
"""NumPy functions that TensorFlow has with the same leading arguments."""

OPS = frozenset(
    [
        "append",
        "cross",
        "diag",
        "diagonal",
        "diff",
        "dot",
        "flip",
        "full_like",
        "hstack",
        "inner",
        "log10",
        "log2",
        "logaddexp",
        "logical_and",
        "logical_not",
        "logical_or",
        "matmul",
        "median",
        "mod",
        "moveaxis",
        "nan_to_num",
        "outer",
        "pad",
        "quantile",
        "ravel",
        "repeat",
        "roll",
        "sort",
        "split",
        "swapaxes",
        "take",
        "take_along_axis",
        "tensordot",
        "transpose",
        "tri",
        "tril",
        "triu",
        "vdot",
        "vstack",
        "isfinite",
        "isnan",
        "greater",
        "less",
        "equal",
    ]
)
"""NumPy functions that ``keras.ops`` has under the same name and with the same arguments."""

MATH = {
    "sqrt": "sqrt", "exp": "exp", "log": "math.log", "log1p": "math.log1p", "fabs": "abs",
    "expm1": "math.expm1", "sin": "sin", "cos": "cos", "tan": "tan", "tanh": "tanh",
    "sinh": "sinh", "cosh": "cosh", "atan": "atan", "asin": "asin", "acos": "acos",
    "atan2": "atan2", "pow": "pow", "erf": "math.erf", "lgamma": "math.lgamma",
}  # fmt: skip
"""Functions of Python's ``math`` module."""

SPECIAL = {
    "expit": "sigmoid", "softmax": "nn.softmax", "logsumexp": "reduce_logsumexp",
    "erf": "math.erf", "gammaln": "math.lgamma", "xlogy": "math.xlogy", "log_softmax": "nn.log_softmax",
    "logit": "math.logit", "digamma": "math.digamma",
}  # fmt: skip
"""Functions of ``scipy.special``."""

LEAVES = frozenset(["numpy", "item", "tolist", "copy", "eval"])
"""Methods of a tensor or array that hand its value out: left out."""

METHODS = frozenset(
    [
        "sum",
        "mean",
        "max",
        "min",
        "prod",
        "std",
        "var",
        "reshape",
        "ravel",
        "flatten",
        "astype",
        "clip",
        "dot",
        "squeeze",
        "transpose",
        "cumsum",
        "numpy",
        "item",
        "tolist",
        "copy",
        "swapaxes",
        "trace",
        "repeat",
        "diagonal",
    ]
)
"""Methods of arrays that have a counterpart."""
