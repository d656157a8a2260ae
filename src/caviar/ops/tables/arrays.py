"""NumPy's functions in Keras' words."""

from __future__ import annotations

import jax.numpy as jnp

from caviar.ops.tables import making, reducing
from caviar.ops.words import in_keras_words, in_words, of_floats, same

_ELEMENTWISE = "x /"
_PAIRWISE = "x1 x2 /"
_BITS = "x y /"
_REDUCING = "x / axis=None keepdims=False"
_QUANTILE = "x q / axis=None method='linear' keepdims=False"
_WORDS = {
    _ELEMENTWISE: "abs absolute angle arccos arccosh arcsin arcsinh arctan arctanh bitwise_invert bitwise_not cbrt conj conjugate "
    "copy corrcoef cos cosh deg2rad exp exp2 expm1 fabs fliplr flipud i0 imag isfinite isinf isnan isneginf isposinf isreal log "
    "log10 log1p log2 logical_not ndim negative rad2deg ravel real reciprocal sign signbit sin sinc sinh size sqrt "
    "square tan tanh",
    _PAIRWISE: "add arctan2 divide dot equal floor_divide fmax fmin fmod gcd greater greater_equal heaviside hypot inner kron lcm "
    "ldexp less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor matmul maximum minimum mod multiply nextafter "
    "not_equal outer power subtract true_divide vdot",
    _BITS: "bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor left_shift right_shift",
    _REDUCING: "all amax amin any argmax argmin mean median nanargmax nanargmin nanmax nanmean nanmedian nanmin nanprod nanstd "
    "nansum nanvar ptp std sum var",
    _QUANTILE: "nanpercentile nanquantile percentile quantile",
    "x / axis=None keepdims=False initial=None": "max min",
    "x / axis=None keepdims=False dtype=None": "prod",
    "x / axis=None dtype=None": "cumprod cumsum nancumprod nancumsum",
    "x / axis=None weights=None": "average",
    "x / axis=None": "count_nonzero flip squeeze",
    "x / axis=-1": "argsort sort",
    "x / axis=0": "stack",
    "x / axes=None": "transpose",
    "x / decimals=0": "round",
    "x / dtype=None": "array ones_like zeros_like empty_like",
    "x / k=0": "diag diagflat tril triu",
    "x / N=None increasing=False": "vander",
    "x / bins=10 range=None": "histogram",
    "x / nan=0.0 posinf=None neginf=None": "nan_to_num",
    "x / offset=0 axis1=0 axis2=1": "diagonal trace",
    "x bins /": "digitize",
    "x axis /": "expand_dims",
    "x axis1 axis2 /": "swapaxes",
    "x fill_value / dtype=None": "full_like",
    "x indices / axis=None": "take take_along_axis",
    "x indices_or_sections /": "dsplit hsplit vsplit",
    "x indices_or_sections / axis=0": "array_split split",
    "x kth / axis=-1": "argpartition",
    "x newshape /": "reshape",
    "x repeats /": "tile",
    "x repeats / axis=None": "repeat",
    "x shape /": "broadcast_to",
    "x shift / axis=None": "roll",
    "x source destination /": "moveaxis",
    "x x_min x_max /": "clip",
    "x1 x2 / assume_unique=False invert=False": "isin",
    "x1 x2 / axes=2": "tensordot",
    "x1 x2 / axis=None": "append",
    "x1 x2 / axisa=-1 axisb=-1 axisc=-1 axis=None": "cross",
    "x1 x2 / mode='valid'": "correlate",
    "x1 x2 / rtol=1e-05 atol=1e-08 equal_nan=False": "allclose isclose",
    "xs /": "dstack hstack vstack",
    "xs / axis=0": "concatenate",
    "a / n=1 axis=-1": "diff",
    "array / k=1 axes=(0,1)": "rot90",
    "condition x1=None x2=None /": "where",
    "condlist choicelist / default=0": "select",
    "indices shape /": "unravel_index",
    "sorted_sequence values / side='left'": "searchsorted",
    "start stop / num=50 endpoint=True dtype=None axis=0": "geomspace",
    "start stop / num=50 endpoint=True base=10 dtype=None axis=0": "logspace",
    "start stop / num=50 endpoint=True retstep=False dtype=None axis=0": "linspace",
    "y x=None dx=1.0 axis=-1 /": "trapezoid",
}
"""How Keras writes the arguments of NumPy's functions."""

# name in caviar.ops.numpy -> function of arrays
TABLE = {
    **in_words(jnp, _WORDS),
    **{name: in_keras_words(of_floats(getattr(jnp, name)), _ELEMENTWISE) for name in ("ceil", "floor")},
    "slogdet": in_keras_words(jnp.linalg.slogdet, _ELEMENTWISE),
    "trunc": in_keras_words(jnp.trunc, _ELEMENTWISE),
    **making.TABLE,
    **reducing.TABLE,
}
TABLE |= same(TABLE, absolute="abs")
