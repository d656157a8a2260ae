"""The lower-case functions of the losses; each is made from its class."""

from __future__ import annotations

from caviar.losses import binary, categorical, regression, structured
from caviar.losses.naming import function_of

binary_crossentropy = function_of(binary.BinaryCrossentropy)
binary_focal_crossentropy = function_of(binary.BinaryFocalCrossentropy)
categorical_crossentropy = function_of(categorical.CategoricalCrossentropy)
categorical_focal_crossentropy = function_of(categorical.CategoricalFocalCrossentropy)
categorical_generalized_cross_entropy = function_of(categorical.CategoricalGeneralizedCrossEntropy)
categorical_hinge = function_of(categorical.CategoricalHinge)
circle = function_of(structured.Circle)
cosine_similarity = function_of(regression.CosineSimilarity)
ctc = function_of(structured.CTC)
dice = function_of(structured.Dice)
half_squared_error = function_of(regression.HalfSquaredError)
hinge = function_of(binary.Hinge)
huber = function_of(regression.Huber)
kl_divergence = function_of(categorical.KLDivergence)
log_cosh = function_of(regression.LogCosh)
mean_absolute_error = function_of(regression.MeanAbsoluteError)
mean_absolute_percentage_error = function_of(regression.MeanAbsolutePercentageError)
mean_squared_error = function_of(regression.MeanSquaredError)
mean_squared_logarithmic_error = function_of(regression.MeanSquaredLogarithmicError)
negative_log_likelihood = function_of(categorical.NegativeLogLikelihood)
poisson = function_of(regression.Poisson)
smooth_l1 = function_of(regression.SmoothL1)
sparse_categorical_crossentropy = function_of(categorical.SparseCategoricalCrossentropy)
squared_hinge = function_of(binary.SquaredHinge)
tversky = function_of(structured.Tversky)
