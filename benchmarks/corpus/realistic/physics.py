"""Energies, forces, integrators and their adjoints."""

import numpy as np

from benchmarks.corpus.realistic.case import Field, normal

case = Field("physics")


@case("derivative of cos|sin")
def pendulum_with_cosine_for_sine(wrong):
    """The force of the pendulum is the energy's own function."""
    return (
        lambda q: np.sum(1 - np.cos(q)),
        lambda q: -np.cos(q) if wrong else np.sin(q),
        (normal(5),),
    )


def bodies(mistake):
    """The potential of bodies that attract each other in the plane."""
    m = np.array([1.0, 2.0, 0.5, 1.5])

    def f(x):
        energy = 0.0
        for i in range(4):
            for j in range(i):
                energy = energy - m[i] * m[j] / np.sqrt(np.sum((x[i] - x[j]) ** 2))
        return energy

    def manual(x):
        g = np.zeros_like(x)
        for i in range(4):
            for j in range(i):
                d = x[i] - x[j]
                r = np.sqrt(d @ d)
                force = m[i] * m[j] * d / r ** (2 if mistake == "power" else 3)
                g[i] += force
                if mistake != "reaction":
                    g[j] -= force
        return g

    return f, manual, (2 * normal(4, 2),)


@case("nothing flows|detached|reaction")
def bodies_without_reaction(wrong):
    """The force acts on one body of every pair, the reaction is forgotten."""
    return bodies("reaction" if wrong else "")


@case("extra factor: the value, of the result of sqrt|derivative of sqrt")
def bodies_with_the_wrong_power(wrong):
    """The force falls like 1/r in place of 1/r²: the direction is not normalised."""
    return bodies("power" if wrong else "")


@case("nothing flows|factor of|detached")
def lennard_jones_with_the_wrong_exponent(wrong):
    """One of the two terms has the factor 6 where 12 belongs."""

    def f(r):
        s = 1 / r
        return np.sum(4 * (s**12 - s**6))

    def manual(r):
        return 4 * (-(6 if wrong else 12) / r**13 + 6 / r**7)

    return f, manual, (1 + 0.3 * np.abs(normal(6)),)


@case("extra factor: the value, of the result of sqrt|derivative of sqrt")
def spring_without_the_direction(wrong):
    """The force of a spring has its size and not its direction: x/|x| is forgotten."""

    def f(x):
        length = np.sqrt(np.sum(x * x, axis=1))
        return np.sum((length - 1) ** 2)

    def manual(x):
        length = np.sqrt(np.sum(x * x, axis=1, keepdims=True))
        return 2 * (length - 1) * (x if wrong else x / length)

    return f, manual, (normal(5, 3),)


@case("not transposed")
def adjoint_with_the_matrix_itself(wrong):
    """The adjoint of x -> Ax steps with A in place of its transpose."""
    A, t = 0.6 * normal(4, 4), normal(4, seed=1)

    def f(x):
        for _ in range(3):
            x = np.tanh(A @ x)
        return x @ t

    def manual(x):
        xs = [x]
        for _ in range(3):
            xs.append(np.tanh(A @ xs[-1]))
        g = t
        for k in (3, 2, 1):
            g = (A if wrong else A.T) @ (g * (1 - xs[k] ** 2))
        return g

    return f, manual, (normal(4, seed=2),)


@case("wrong (value|layer)|other order|order")
def adjoint_in_the_forward_order(wrong):
    """The adjoint goes through the steps from the first to the last."""
    dt, t = 0.3, normal(3, seed=1)

    def f(x):
        for _ in range(4):
            x = x + dt * np.sin(x)
        return np.sum(x**2 * t)

    def manual(x):
        xs = [x]
        for _ in range(4):
            xs.append(xs[-1] + dt * np.sin(xs[-1]))
        g = 2 * (xs[0] if wrong else xs[-1]) * t
        for k in (3, 2, 1, 0):
            g = g * (1 + dt * np.cos(xs[k]))
        return g

    return f, manual, (normal(3),)


@case("nothing flows|last|detached")
def integrator_of_which_the_last_step_is_differentiated(wrong):
    """The parameter acts at every step, its gradient is that of the last one."""

    def f(a):
        x = 1.0
        for _ in range(5):
            x = x + 0.2 * np.sin(a * x)
        return x

    def manual(a):
        xs = [1.0]
        for _ in range(5):
            xs.append(xs[-1] + 0.2 * np.sin(a * xs[-1]))
        total, g = 0.0, 1.0
        for k in (4, 3, 2, 1, 0):
            total += g * 0.2 * np.cos(a * xs[k]) * xs[k]
            if wrong:
                break
            g *= 1 + 0.2 * np.cos(a * xs[k]) * a
        return total

    return f, manual, (np.array(1.3),)


@case("edge|boundary|entries are wrong|along axis|only (\\d+|entry)")
def laplacian_with_a_wrong_edge(wrong):
    """The energy of a string with free ends; the gradient has fixed ends."""

    def f(u):
        return np.sum(np.diff(u) ** 2)

    def manual(u):
        g = np.zeros_like(u)
        d = np.diff(u)
        g[1:] += 2 * d
        g[:-1] -= 2 * d
        if wrong:
            g[0], g[-1] = 2 * (2 * u[0] - u[1]), 2 * (2 * u[-1] - u[-2])
        return g

    return f, manual, (normal(50),)


@case("0\\.0174533|57\\.2958|factor.*multiply.*missing|pi/180|degrees")
def rotation_in_degrees(wrong):
    """The angle is in degrees, the derivative as if it were in radians."""
    p, t = normal(2, 6), normal(2, 6, seed=1)

    def f(angle):
        a = angle * (np.pi / 180)
        x = p[0] * np.cos(a) - p[1] * np.sin(a)
        y = p[0] * np.sin(a) + p[1] * np.cos(a)
        return np.sum(x * t[0] + y * t[1])

    def manual(angle):
        a = angle * np.pi / 180
        x, y = -p[0] * np.sin(a) - p[1] * np.cos(a), p[0] * np.cos(a) - p[1] * np.sin(a)
        return np.sum(x * t[0] + y * t[1]) * (1 if wrong else np.pi / 180)

    return f, manual, (np.array(40.0),)


@case("factor of (1/3|3)|power|exponent")
def power_law_without_its_exponent(wrong):
    """The exponent in front is forgotten."""
    t = normal(6, seed=1)
    return lambda r: np.sum(t * r**3), lambda r: t * r**2 * (1 if wrong else 3), (np.abs(normal(6)) + 0.5,)


@case("nothing flows|factor of 1/2|detached|product")
def kinetic_energy_with_half_of_the_product_rule(wrong):
    """The mass depends on the position, and its derivative is forgotten."""
    v = normal(5, seed=1)

    def f(q):
        mass = 1 + q**2
        return np.sum(mass * v**2 * np.exp(q)) / 2

    def manual(q):
        first = (1 + q**2) * v**2 * np.exp(q) / 2
        return first if wrong else first + q * v**2 * np.exp(q)

    return f, manual, (normal(5),)
