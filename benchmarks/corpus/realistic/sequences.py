"""Models of sequences: recurrence, attention, embeddings."""

import numpy as np

from benchmarks.corpus.realistic.case import Field, normal, onehot, sigmoid, softmax

case = Field("sequences")


def recurrent(mistake):
    """A recurrent network with a loss at the end, in its matrix and its input weights."""
    xs, t = normal(5, 3), normal(4, seed=1)

    def f(W, U):
        h = np.zeros(4)
        for x in xs:
            h = np.tanh(W @ h + U @ x)
        return h @ t

    def manual(W, U):
        hs = [np.zeros(4)]
        for x in xs:
            hs.append(np.tanh(W @ hs[-1] + U @ x))
        gW, gU, g = 0 * W, 0 * U, t
        for k in range(4, -1, -1):
            d = g if mistake == "tanh" else g * (1 - hs[k + 1] ** 2)
            gW, gU = gW + np.outer(d, hs[k + 1] if mistake == "state" else hs[k]), gU + np.outer(d, xs[k])
            g = (W if mistake == "transpose" else W.T) @ d
            if mistake == "truncated":
                break
        return gW, gU

    return f, manual, (0.5 * normal(4, 4, seed=2), normal(4, 3, seed=3))


@case("last|truncat|nothing flows|detached")
def recurrence_cut_after_one_step(wrong):
    """Only the last step is differentiated."""
    return recurrent("truncated" if wrong else "")


@case("derivative of tanh is missing")
def recurrence_without_the_derivative_of_tanh(wrong):
    """1 - h² is missing at every step."""
    return recurrent("tanh" if wrong else "")


@case("not transposed")
def recurrence_through_the_matrix_itself(wrong):
    """The cotangent goes back through W in place of its transpose."""
    return recurrent("transpose" if wrong else "")


@case("wrong (layer|value)|wrong step|made with")
def recurrence_with_the_state_after_the_step(wrong):
    """The gradient of W takes the state after the step in place of the one before."""
    return recurrent("state" if wrong else "")


def gated(mistake):
    """One step of a cell with a forget gate and an input gate."""
    x, c0, t = normal(4, seed=1), normal(4, seed=2), normal(4, seed=3)

    def f(Wf, Wi, Wc):
        forget, into = sigmoid(Wf @ x), sigmoid(Wi @ x)
        c = forget * c0 + into * np.tanh(Wc @ x)
        return np.sum(np.tanh(c) * t)

    def manual(Wf, Wi, Wc):
        forget, into, new = sigmoid(Wf @ x), sigmoid(Wi @ x), np.tanh(Wc @ x)
        c = forget * c0 + into * new
        g = t if mistake == "tanh" else t * (1 - np.tanh(c) ** 2)
        df = g * (c if mistake == "cell" else c0) * forget * (1 - forget)
        di = g * new * into * (1 - into)
        dc = g * into * (1 - new**2)
        if mistake == "gate":
            di = g * new
        return np.outer(df, x), np.outer(di, x), np.outer(dc, x)

    return f, manual, (normal(4, 4, seed=4), normal(4, 4, seed=5), normal(4, 4, seed=6))


@case("derivative of tanh is missing")
def cell_without_the_outer_tanh(wrong):
    """The derivative of tanh(c) is forgotten."""
    return gated("tanh" if wrong else "")


@case("wrong (layer|value)|made with|in place of")
def forget_gate_with_the_new_cell(wrong):
    """The gradient of the forget gate takes the new cell in place of the old one."""
    return gated("cell" if wrong else "")


@case("derivative of (the )?(sigmoid|logistic|expit)|derivative of .* missing|nothing flows")
def input_gate_without_the_derivative_of_the_sigmoid(wrong):
    """i(1 - i) is missing in the gradient of the input gate."""
    return gated("gate" if wrong else "")


def attention(mistake):
    """Scaled attention of queries, keys and values."""
    d, t = 4, normal(5, 4, seed=1)

    def f(Q, K, V):
        s = Q @ K.T / np.sqrt(d)
        e = np.exp(s - np.max(s, axis=1, keepdims=True))
        return np.sum((e / np.sum(e, axis=1, keepdims=True)) @ V * t)

    def manual(Q, K, V):
        P = softmax(Q @ K.T / np.sqrt(d))
        dP = t @ V.T
        dS = P * dP if mistake == "jacobian" else P * (dP - np.sum(P * dP, axis=1, keepdims=True))
        if mistake == "axis":
            dS = P * (dP - np.sum(P * dP, axis=0, keepdims=True))
        scale = 1.0 if mistake == "scale" else 1 / np.sqrt(d)
        dQ, dK = dS @ K * scale, dS.T @ Q * scale
        return (dK, dQ, P.T @ t) if mistake == "exchanged" else (dQ, dK, P.T @ t)

    return f, manual, (normal(5, 4, seed=2), normal(5, 4, seed=3), normal(5, 4, seed=4))


@case("factor of 2")
def attention_without_its_scale(wrong):
    """1/sqrt(d) is applied forward and not backward; d is 4."""
    return attention("scale" if wrong else "")


@case("nothing flows|normalis|detached|constant")
def attention_with_the_normalisation_constant(wrong):
    """The Jacobian of the soft-max is taken for diagonal without its second term."""
    return attention("jacobian" if wrong else "")


@case("axis")
def attention_with_a_sum_over_the_wrong_axis(wrong):
    """The second term of the soft-max is summed over queries in place of keys."""
    return attention("axis" if wrong else "")


@case("it is the gradient of")
def queries_and_keys_exchanged(wrong):
    """The gradients of queries and keys are exchanged."""
    return attention("exchanged" if wrong else "")


@case("repeated|more than once|add\\.at")
def embedding_with_repeated_words(wrong):
    """A word that occurs twice gets the gradient of its last occurrence: g[words] = d in place of np.add.at."""
    words, t = np.array([3, 1, 3, 0, 1, 3]), normal(6, 4, seed=1)

    def f(E):
        return np.sum(np.sin(E[words]) * t)

    def manual(E):
        g, d = np.zeros_like(E), np.cos(E[words]) * t
        if wrong:
            g[words] = d
        else:
            np.add.at(g, words, d)
        return g

    return f, manual, (normal(5, 4),)


@case("shifted|off by one")
def next_word_off_by_one(wrong):
    """The targets are compared with the scores of the same place in place of the place before."""
    x, t = normal(8), normal(7, seed=1)

    def f(x):
        return np.sum((x[:-1] - t) ** 2)

    def manual(x):
        g = np.zeros(8)
        if wrong:
            g[1:] = 2 * (x[:-1] - t)
        else:
            g[:-1] = 2 * (x[:-1] - t)
        return g

    return f, manual, (x,)


@case("nothing flows|detached")
def tied_weights_counted_once(wrong):
    """An embedding that is the output matrix, too, gets the gradient of the output alone."""
    x, t = normal(5, seed=1), normal(5, seed=2)

    def f(E):
        return np.sum((E.T @ np.tanh(E @ x)) * t)

    def manual(E):
        h = np.tanh(E @ x)
        out = np.outer(h, t)
        inner = np.outer((E @ t) * (1 - h**2), x)
        return out if wrong else out + inner

    return f, manual, (normal(4, 5),)


@case("nothing flows|detached|constant")
def temperature_of_a_softmax_constant_in_one_term(wrong):
    """The temperature divides the scores in two terms, and is differentiated in one."""
    z, y = normal(6, 3), onehot(6, 3)

    def f(T):
        s = z / T
        return np.sum(np.log(np.sum(np.exp(s), axis=1))) - np.sum(s * y)

    def manual(T):
        p = softmax(z / T)
        return -np.sum(p * z) / T**2 if wrong else -np.sum((p - y) * z) / T**2

    return f, manual, (np.array(1.7),)
