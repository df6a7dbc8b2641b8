"""Layers of networks that look at pictures."""

import numpy as np

from benchmarks.corpus.realistic.case import Field, normal, onehot, sigmoid, softmax

case = Field("vision")


def batch_norm(x, eps=1e-3):
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    return (x - mean) / np.sqrt(var + eps), mean, np.sqrt(var + eps)


@case("nothing flows.*(mean|var).*and.*(mean|var)|mean.*var.*constant")
def batch_norm_with_mean_and_variance_constant(wrong):
    """The statistics of the batch are taken for constants."""
    t = normal(12, 4, seed=1)

    def f(x):
        mean = np.mean(x, axis=0)
        var = np.var(x, axis=0)
        h = (x - mean) / np.sqrt(var + 1e-3)
        return np.sum(h * t + h**2 * t)

    def manual(x):
        h, _, s = batch_norm(x)
        g = t + 2 * h * t
        return g / s if wrong else (g - g.mean(0) - h * (g * h).mean(0)) / s

    return f, manual, (normal(12, 4),)


@case("nothing flows.*var|var.*constant")
def batch_norm_with_variance_constant(wrong):
    """The mean is differentiated, the variance is not."""
    t = normal(12, 4, seed=1)

    def f(x):
        h = (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + 1e-3)
        return np.sum(np.sin(h) * t)

    def manual(x):
        h, _, s = batch_norm(x)
        g = np.cos(h) * t
        return (g - g.mean(0)) / s if wrong else (g - g.mean(0) - h * (g * h).mean(0)) / s

    return f, manual, (normal(12, 4),)


@case("nothing flows.*mean|mean.*constant")
def layer_norm_with_mean_constant(wrong):
    """The mean over features is taken for a constant, in the variance it does not matter."""
    t = normal(5, 8, seed=2)

    def f(x):
        mean = np.mean(x, axis=1, keepdims=True)
        d = x - mean
        return np.sum(t * np.tanh(d))

    def manual(x):
        g = t * (1 - np.tanh(x - x.mean(1, keepdims=True)) ** 2)
        return g if wrong else g - g.mean(1, keepdims=True)

    return f, manual, (normal(5, 8),)


@case("wrong (layer|value)|x instead|made with")
def batch_norm_scale_with_the_raw_input(wrong):
    """The gradient of the scale is made with x in place of the normalised x."""
    x, t = normal(12, 4), normal(12, 4, seed=1)

    def f(gamma, beta):
        h = (x - np.mean(x, axis=0)) / np.sqrt(np.var(x, axis=0) + 1e-3)
        return np.sum(np.tanh(gamma * h + beta) * t)

    def manual(gamma, beta):
        h, _, _ = batch_norm(x)
        g = (1 - np.tanh(gamma * h + beta) ** 2) * t
        return (g * (x if wrong else h)).sum(0), g.sum(0)

    return f, manual, (normal(4, seed=3), normal(4, seed=4))


@case("sign of what flows back|mask")
def relu_mask_on_the_gradient(wrong):
    """The mask is taken where the gradient is positive, not where the input is."""
    W, t = normal(6, 4), normal(6, 9, seed=1)

    def f(x):
        return np.sum(np.maximum(W @ x, 0) * t)

    def manual(x):
        z = W @ x
        return W.T @ (t * (t > 0)) if wrong else W.T @ (t * (z > 0))

    return f, manual, (normal(4, 9, seed=2),)


@case("derivative of maximum is missing|mask.*missing")
def relu_mask_forgotten(wrong):
    """The units that are off get a gradient as well."""
    W, V, y = normal(6, 4), normal(3, 6, seed=5), normal(3, 9, seed=1)

    def f(W):
        h = np.maximum(W @ x, 0.0)
        return np.sum((V @ h - y) ** 2)

    x = normal(4, 9, seed=2)

    def manual(W):
        z = W @ x
        g = V.T @ (2 * (V @ np.maximum(z, 0) - y))
        return (g if wrong else g * (z > 0)) @ x.T

    return f, manual, (W,)


@case("where.*(missing|detached|nothing flows)|nothing flows.*multiply|slope|derivative of .* missing")
def leaky_relu_without_its_slope(wrong):
    """The negative side has the gradient zero, as that of a plain rectifier."""
    t = normal(7, 5, seed=1)

    def f(x):
        return np.sum(np.where(x > 0, x, 0.1 * x) ** 2 * t)

    def manual(x):
        h = np.where(x > 0, x, 0.1 * x)
        return 2 * h * t * (x > 0) if wrong else 2 * h * t * np.where(x > 0, 1.0, 0.1)

    return f, manual, (normal(7, 5),)


@case("axis")
def softmax_over_the_wrong_axis(wrong):
    """The probabilities are normalised over samples in place of classes."""
    Y, X = onehot(6, 4), normal(6, 3, seed=2)

    def f(W):
        z = X @ W
        return np.sum(np.log(np.sum(np.exp(z), axis=1))) - np.sum(z * Y)

    def manual(W):
        return X.T @ (softmax(X @ W, axis=0 if wrong else 1) - Y)

    return f, manual, (normal(3, 4, seed=3),)


@case("nothing flows back|labels|detached")
def labels_forgotten(wrong):
    """The gradient of the soft-max alone: the scores of the labels are not subtracted."""
    Y, X = onehot(8, 3), normal(8, 5, seed=2)

    def f(W):
        z = X @ W
        top = np.max(z, axis=1, keepdims=True)
        return np.sum(np.log(np.sum(np.exp(z - top), axis=1)) + top[:, 0]) - np.sum(z * Y)

    def manual(W):
        p = softmax(X @ W)
        return X.T @ (p if wrong else p - Y)

    return f, manual, (normal(5, 3, seed=3),)


@case("8.*sum in place of a mean|factor of 8")
def cross_entropy_summed_in_place_of_averaged(wrong):
    """The loss is a mean over eight samples, the gradient that of the sum."""
    Y, X = onehot(8, 3), normal(8, 5, seed=2)

    def f(W):
        z = X @ W
        return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(z * Y, axis=1))

    def manual(W):
        return X.T @ (softmax(X @ W) - Y) / (1 if wrong else 8)

    return f, manual, (normal(5, 3, seed=3),)


@case("flip|reversed|rotated")
def convolution_with_a_kernel_that_is_not_flipped(wrong):
    """The gradient of the input is convolved with the kernel itself in place of the reversed one."""
    k, t = normal(3), normal(8, seed=1)

    def f(x):
        return np.sum(np.convolve(x, k, mode="valid") * t)

    def manual(x):
        return np.convolve(t, k if wrong else k[::-1], mode="full")

    return f, manual, (normal(10, seed=2),)


@case("sum over (samples|axis)|only .* is there|nothing flows back into operand 1 of add, at all 5 places")
def kernel_gradient_of_one_picture(wrong):
    """The kernel of a convolution gets the gradient of the last picture alone."""
    X, t = normal(6, 10), normal(6, 8, seed=1)

    def f(k):
        return sum(np.sum(np.convolve(X[i], k, mode="valid") * t[i]) for i in range(6))

    def manual(k):
        each = [np.array([np.sum(t[i] * X[i, 2 - j : 10 - j]) for j in range(3)]) for i in range(6)]
        return each[-1] if wrong else sum(each)

    return f, manual, (normal(3, seed=2),)


@case("factor of 4|mean")
def average_pooling_without_the_average(wrong):
    """Every pixel of a window gets the whole gradient in place of a quarter."""
    t = normal(3, 3, seed=1)

    def f(x):
        return np.sum(np.mean(x.reshape(3, 2, 3, 2), axis=(1, 3)) * t)

    def manual(x):
        return np.kron(t, np.ones((2, 2))) / (1 if wrong else 4)

    return f, manual, (normal(6, 6),)


@case("largest|maximum|max")
def maximum_pooling_to_every_pixel(wrong):
    """The gradient goes to every pixel of the window, not to the largest alone."""
    t = normal(5, seed=1)

    def f(x):
        return np.sum(np.max(x, axis=1) * t)

    def manual(x):
        mask = np.ones_like(x) if wrong else (x == x.max(1, keepdims=True)) * 1.0
        return mask * t[:, None]

    return f, manual, (normal(5, 4),)


@case("factor of .*(multiply|missing)|factor of multiply is missing")
def dropout_mask_forgotten(wrong):
    """The mask of the dropped units is applied forward and not backward."""
    mask, t = (normal(6, 5, seed=3) > 0) / 0.5, normal(6, 5, seed=1)

    def f(x):
        h = np.tanh(x) * mask
        return np.sum(h * t)

    def manual(x):
        g = t if wrong else t * mask
        return g * (1 - np.tanh(x) ** 2)

    return f, manual, (normal(6, 5),)


@case("extra|p\\(1 ?- ?p\\)|sigmoid")
def logistic_loss_with_an_extra_derivative(wrong):
    """p - y is multiplied by p(1 - p) once more, as for the squared error."""
    X, y = normal(20, 3), (normal(20, seed=1) > 0) * 1.0

    def f(w):
        z = X @ w
        return np.sum(np.log(1 + np.exp(z)) - y * z)

    def manual(w):
        p = sigmoid(X @ w)
        return X.T @ ((p - y) * (p * (1 - p) if wrong else 1.0))

    return f, manual, (normal(3, seed=2),)


@case("nothing flows|constant|detached")
def normalised_vector_without_its_projection(wrong):
    """The length of a vector that is normalised is taken for a constant."""
    t = normal(6, 4, seed=1)

    def f(x):
        length = np.sqrt(np.sum(x * x, axis=1, keepdims=True))
        return np.sum(x / length * t)

    def manual(x):
        length = np.sqrt(np.sum(x * x, axis=1, keepdims=True))
        u = x / length
        return t / length if wrong else (t - u * np.sum(u * t, axis=1, keepdims=True)) / length

    return f, manual, (normal(6, 4),)


@case("nothing flows|detached")
def residual_without_its_shortcut(wrong):
    """The path around the layer is forgotten."""
    W, t = normal(5, 5), normal(5, 7, seed=1)

    def f(x):
        return np.sum((x + np.tanh(W @ x)) * t)

    def manual(x):
        inner = W.T @ (t * (1 - np.tanh(W @ x) ** 2))
        return inner if wrong else t + inner

    return f, manual, (normal(5, 7, seed=2),)


@case("mean.*sum|factor|1/")
def contrast_with_the_wrong_count(wrong):
    """The variance is that of n samples, its gradient has n - 1."""

    def f(x):
        return np.var(x) + np.mean(x) ** 3

    def manual(x):
        n = x.size
        return 2 * (x - x.mean()) / (n - 1 if wrong else n) + 3 * x.mean() ** 2 / n

    return f, manual, (normal(9),)
