"""The lines that random programs are made of, as texts with slots.

`a` is any value so far, `v` one with axes, `m` one with two axes or more, `b` one that broadcasts with the value before
it, `s` one of the same shape; `c` is a number, `n` a small whole number, `axis`, `axes`, `keep`, `order`, `index`,
`basic`, `permutation` fit the first value of the line. `E` is an expression of `u` and of values so far. A line that
NumPy refuses here is not taken.
"""

# fmt: off
UNARY = (
    "np.sin({a})", "np.cos({a})", "np.tanh({a})", "np.exp(-{a} * {a})", "np.exp({a})", "np.arctan({a})", "np.arcsinh({a})",
    "np.log1p({a} * {a})", "np.sqrt(1.0 + {a} * {a})", "np.sqrt({a})", "np.log({a})", "np.abs({a})", "abs({a})", "np.square({a})",
    "{a} ** 2", "{a} ** 3", "{a} ** 2.0", "{a} ** -1", "{a} ** 0.5", "1.0 / {a}", "-{a}", "+{a}", "np.reciprocal({a})", "np.cbrt({a})",
    "np.expm1({a})", "np.log(2.0 + np.cos({a}))", "np.sinh({a})", "np.cosh({a})", "np.arcsin(0.5 * np.sin({a}))", "np.arccosh(2.0 + {a} * {a})",
    "np.arctanh(0.5 * np.sin({a}))", "np.sinc({a})", "np.sign({a}) * {a}", "np.floor({a}) * {a}", "np.real({a})", "np.imag({a})",
    "np.conj({a})", "{a}.conj()", "np.angle({a})", "np.exp2({a})", "np.log2(1.5 + {a} * {a})", "np.maximum({a}, {c})", "np.minimum({c}, {a})",
    "np.clip({a}, -0.5, 0.8)", "{a}.clip(max={c})", "np.where({a} > {c}, {a}, {a} * {a})", "np.where({a} < {c}, 0.0, np.sqrt(np.abs({a})))",
    "np.nan_to_num({a})", "np.modf({a})[0]", "np.heaviside({a}, 0.5) * {a}", "np.deg2rad({a})", "np.fabs({a})", "{a} % 0.73", "{a} // 0.73 + {a}",
    "np.divmod({a}, 0.73)[1]", "{c} - {a}", "{c} * {a}", "{n} * {a}", "{a} / {n}", "{c} ** {a}", "2 ** {a}", "np.power({a}, {n})", "mnp.where({a} > {c}, {a}, {c})",
    "np.asarray({c}) * {a}", "np.float32({c}) * {a}", "np.int64({n}) + {a}", "mnp.array([{a}, 2.0 * {a}])", "{a}.copy()", "np.copy({a})",
    "{a} + 0j", "np.real({a} * (1.0 + 0.5j))", "np.abs({a} + 0.3j)", "{a}.astype(np.float64)", "{a}.astype(np.float32)", "np.spacing({a}) * {a}",
    "np.piecewise({a}, [{a} < {c}], [lambda t: t * t, lambda t: 2.0 * t])", "np.select([{a} < -0.5, {a} < {c}], [{a}, {a} ** 2], 1.5)",
    "np.interp({a}, [-1.0, 0.1, 0.95, 2.0], [0.5, -0.3, 0.8, 1.4])", "np.polyval([0.3, -0.5, 1.0], {a})", "np.i0({a})", "np.nextafter({a}, 2.0) * {a}",
    "np.ldexp({a}, 1)", "np.frexp({a})[0]", "np.trunc({a}) + {a}", "np.rint({a}) * {a}", "np.logaddexp({a}, 0.5)", "np.logaddexp2({a}, 0.5)",
)
BINARY = (
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / {b}", "{a} / (1.5 + {b} * {b})", "np.arctan2({a}, 2.0 + {b} * {b})", "np.arctan2({a}, {b} + 0.017)",
    "np.hypot({a}, {b})", "np.logaddexp({a}, {b})", "np.maximum({a}, {b})", "np.minimum({a}, {b})", "np.fmax({a}, {b})", "np.fmin({a}, {b})",
    "(1.5 + np.sin({a})) ** {b}", "np.copysign({a}, {b})", "np.fmod({a}, 1.3 + {b} * {b})", "np.add({a}, {b})", "np.subtract({a}, {b})",
    "np.multiply({a}, {b})", "np.true_divide({a}, 2.0 + {b} * {b})", "np.where({a} > {b}, {a}, {b} * {b})", "{a} * ({a} > {b})",
    "np.float_power(1.5 + np.sin({a}), {b})", "np.subtract.outer({a}, {b})", "np.multiply.outer({a}, {b})", "np.outer({a}, {b})",
    "np.heaviside({a}, {b}) * {b}", "np.concatenate([np.ravel({a}), np.ravel({b})])", "np.stack([{a}, {s}])", "np.stack([{a}, {s}], axis=-1)",
    "np.concatenate([{v}, {s}], axis={axis})", "np.hstack([{v}, {s}])", "np.vstack([{v}, {s}])", "np.column_stack([{v}, {s}])", "np.append({v}, {b})",
    "np.meshgrid(np.ravel({a}), np.ravel({b}))[0]", "mnp.array([np.sum({a}), np.sum({b}), 1.0])", "np.broadcast_arrays({v}, {b})[0]",
    "np.block([{v}, {s}])", "np.linspace({a}, {b}, 3)", "np.vdot({a}, {s})", "np.kron({a}, {b})", "np.tensordot({v}, {b}, 0)", "{v} @ {s}", "{m} @ {s}.T",
    "np.dot({m}, {s}.T)", "np.inner({v}, {s})", "np.einsum('...i,...i->...', {v}, {s})", "np.einsum('ij,kj->ik', {m}, {s})", "np.einsum('ij,ij', {m}, {s})",
    "np.tensordot({m}, {s}, ([0], [0]))", "np.matmul({m}.T, {s})", "np.vecdot({v}, {s})", "np.convolve(np.ravel({v}), np.ravel({s}))",
    "np.correlate(np.ravel({v}), np.ravel({s}), 'same')", "np.cross({v}[..., :1] * np.ones(3), {s}[..., :1] + np.arange(3))", "np.choose([0, 1, 0], [{a}, {b}])",
    "np.where(M, x, {a})", "np.lexsort(({v}, {s})) * {v}", "np.searchsorted([-0.5, 0.5], {a}) * {b}",
)
REDUCTIONS = (
    "np.sum({a}, axis={axes}, keepdims={keep})", "np.mean({a}, axis={axes}, keepdims={keep})", "np.prod({a}, axis={axes}, keepdims={keep})",
    "np.max({v}, axis={axes}, keepdims={keep})", "np.min({v}, axis={axes}, keepdims={keep})", "np.var({v}, axis={axes}, keepdims={keep})",
    "np.std({v}, axis={axes}, keepdims={keep})", "np.var({v}, axis={axis}, ddof={n})", "np.std({v}, ddof=1)", "{v}.sum({axis})", "{v}.mean()", "{v}.max({axis})",
    "{v}.prod({axis})", "np.ptp({v}, axis={axis})", "np.median({v}, axis={axis})", "np.cumsum({v}, axis={axis})", "np.cumprod({v}, axis={axis})", "np.cumsum({a})",
    "np.cumulative_sum({v}, axis={axis}, include_initial=True)", "mnp.logsumexp({v}, axis={axes}, keepdims={keep})", "np.linalg.norm({v}, axis={axis})",
    "np.linalg.norm({v}, {norm}, axis={axis}, keepdims={keep})", "np.linalg.norm({m}, {matrix_norm})", "np.linalg.norm({a})", "np.average({v}, axis={axis})",
    "np.quantile({v}, 0.3, axis={axis})", "np.diff({v}, {n}, axis={axis})", "np.diff({v}, axis={axis}, prepend={c})", "np.gradient({v}, axis={axis})",
    "np.trapezoid({v}, axis={axis})", "np.trapezoid({v}, dx=0.5)", "np.ediff1d({v})", "np.sum({a}, where={a} > {c})", "np.sum({v}, axis={axis}, initial={c})",
    "np.max({v}, axis={axis}, initial={c})", "np.add.reduce({v}, axis={axis})", "np.multiply.reduce({v})", "np.add.accumulate({v}, axis={axis})",
    "np.maximum.accumulate({v}, axis={axis})", "np.nansum({a})", "np.nanmax({v})", "np.nanmean({v}, axis={axis})", "np.logaddexp.reduce({v})",
    "sum({v})", "max({v}.ravel())", "np.trace({m})", "np.trace({m}, {n})", "np.cov({m})", "np.corrcoef({m})", "np.percentile({v}, 40.0)", "np.sum({a}, dtype=np.float64)",
    "np.add.reduceat({v}, [0, 1])", "np.apply_along_axis(np.sum, {axis}, {v})", "np.count_nonzero({a} > {c}) * {a}", "np.argmax({v}) * {v}", "np.linalg.vector_norm({a})",
)
SHAPES = (
    "np.reshape({a}, -1)", "np.reshape({a}, -1, order={order})", "{a}.reshape(-1, 1)", "np.reshape({m}, {m}.shape[::-1], order={order})", "{a}.ravel()",
    "np.ravel({a}, order={order})", "{a}.flatten({order})", "{a}.T", "np.transpose({v}, {permutation})", "np.moveaxis({v}, {axis}, 0)", "np.swapaxes({v}, {axis}, -1)",
    "np.expand_dims({a}, 0)", "{a}[None]", "{a}[..., None]", "np.squeeze({a})", "np.broadcast_to({a}, (2, *{a}.shape))", "np.repeat({v}, 2, axis={axis})",
    "np.repeat({v}, {n})", "np.tile({v}, 2)", "np.roll({v}, 1, axis={axis})", "np.roll({v}, {n})", "np.flip({v}, axis={axis})", "{v}[::-1]", "np.rot90({m}, {n})",
    "np.pad({v}, 1)", "np.pad({v}, 1, mode={mode})", "np.pad({v}, 1, constant_values={c})", "np.split({v}, [1])[1]", "np.array_split({v}, 2)[0]", "np.take({v}, [0, -1], axis={axis})",
    "np.take_along_axis({v}, np.argsort({v}, axis={axis}), {axis})", "{v}[{index}]", "{v}[{basic}]", "{v}[{v} > {c}]", "np.diag({v})", "np.diagonal({m})", "np.tril({m})",
    "np.triu({m}, 1)", "np.sort({v}, axis={axis})", "np.sort({v}, axis=None)", "np.partition({v}, 1)[:2]", "{v}[np.argsort({v}.ravel())[0] % len({v})]", "np.delete({v}, 0, axis={axis})",
    "np.insert({v}, 1, {c}, axis={axis})", "np.atleast_2d({a})", "np.unstack({v}, axis={axis})[0]", "np.resize({v}, 4)", "np.extract({v} > {c}, {v})", "np.compress([True, False, True], {v})",
    "np.trim_zeros({v})", "mnp.array([{v}[0], {v}[-1]])", "np.vander(np.ravel({v}), 3)", "np.stack(list({v}))",
    "np.asfortranarray({a})", "np.ascontiguousarray({a})", "np.copy({a}, order={order})", "{a}.copy(order={order})", "np.lib.stride_tricks.sliding_window_view({v}, 2, axis={axis})",
    "np.atleast_1d({a})", "mnp.r_[{v}.ravel(), {v}.ravel()[0]]", "np.hsplit({v}, [1])[0]", "np.einsum('ii->i', {m})", "np.einsum('...ij->...ji', {m})", "np.unique({v})",
    "{v}[np.ix_([0])]", "{a}[()]", "{a}[...]", "np.matrix_transpose({m})", "{a}.item() * {a}", "np.digitize({a}, [0.0]) * {a}",
)
LINALG = (
    "np.linalg.inv({m} + 3.0 * np.eye({m}.shape[-1]))", "np.linalg.det({m} + np.eye({m}.shape[-1]))", "np.linalg.slogdet({m} + 3.0 * np.eye({m}.shape[-1]))[1]",
    "np.linalg.solve({m} + 3.0 * np.eye({m}.shape[-1]), {s})", "np.linalg.solve({m} + 3.0 * np.eye({m}.shape[-1]), {s}[..., 0])",
    "np.linalg.cholesky({m} @ {m}.swapaxes(-1, -2) + np.eye({m}.shape[-2]))", "np.linalg.cholesky({m} @ {m}.mT + np.eye({m}.shape[-2]), upper=True)",
    "np.linalg.eigvalsh({m} + np.diag(np.arange({m}.shape[-1])))", "np.linalg.eigvalsh({m} + np.diag(np.arange({m}.shape[-1])), UPLO='U')",
    "np.abs(np.linalg.eigh({m} + np.diag(np.arange({m}.shape[-1])))[1])", "np.linalg.svd({m}, compute_uv=False)", "np.abs(np.linalg.svd({m}, full_matrices=False)[0])",
    "np.abs(np.linalg.qr({m})[1])", "np.linalg.pinv({m})", "np.linalg.lstsq({m}, {m}[..., 0])[0]", "np.linalg.matrix_power({m}, {n})", "np.linalg.matrix_power({m} + 3.0 * np.eye({m}.shape[-1]), -2)",
    "np.linalg.multi_dot([{m}, {m}.T, {s}])", "np.linalg.norm({m}, axis=(-2, -1))", "np.linalg.eigvals({m} + np.diag(np.arange(3.0)[:{m}.shape[-1]])).real",
)
FFT = (
    "np.abs(np.fft.fft({v}, axis={axis}))", "np.fft.rfft({v}, axis={axis}).real", "np.fft.irfft({v}, axis={axis})", "np.fft.ifft({v}, 4).imag", "np.real(np.fft.fft2({m}))",
    "np.fft.fft({v}, norm='ortho').real", "np.fft.fftshift({v})", "np.fft.hfft({v})",
)
NESTED = (
    "grad(lambda u: np.sum({E}))({a})", "elementwise_grad(lambda u: np.tanh(u) * u)({a})", "jvp(lambda u: {E}, ({a},), ({s},))[1]", "vjp(lambda u: {E}, {a})[1]({s})[0]",
    "hvp(lambda u: np.sum({E}), {a}, {s})", "batched(lambda u: {E})({v})", "batched(grad(lambda u: np.sum({E})))({v})", "jacobian(lambda u: {E})({a})", "jacfwd(lambda u: {E})({a})",
    "hessian(lambda u: np.sum({E}))({v})", "derivatives(lambda u: np.sin(u) * u, {a}, 2)[{k}]", "derivatives(lambda t: np.sum(np.sin({a} * t) * t), 0.73, 2)[{k}]",
    "checkpoint(lambda u: np.sin(u) * u)({a})", "square({a})", "cubed({a})", "value_and_grad(lambda u: np.sum({E}))({a})[1]", "jet(lambda u: np.sin(u) * u, [{a}], [[{s}, {c}]])[1][1]",
    "laplacian(lambda u: np.sum(np.sin(u) * {a}))({a})", "batched(lambda u: np.sum(u * {a}))({v})", "tree_map(np.sin, [{a}, {b}])[0]", "grad(lambda t: np.sum(np.sin({a} * t)))(0.3)",
    "grad(grad(lambda t: np.sum(np.sin({a} * t) * t)))(0.3)", "checkpointed_scan(lambda h, e: (h * 0.5 + e, h * e), {v}[0] * 1.0, {v})[1]",
    "set_at({v}, {index}, {c})", "add_at({v}, {index}, {c})", "derivatives(lambda t: np.sum(({a} + t) ** 2 * {a}), 0.2, 1)[1]", "batched(jacobian(lambda u: {E}))({v})",
    "vjp(lambda u: grad(lambda w: np.sum(w * w * u))({a}), {a})[1]({s})[0]", "jacobian(lambda u: np.sin(u) * {b})({a})",
)
EXPRESSIONS = (  # of u within the lambda of a nested mode: E stands for another one
    "u", "{s}", "np.sin({E})", "np.tanh({E})", "({E}) * ({E})", "({E}) + ({E})", "np.exp(-({E}) ** 2)", "({E}) * {c}", "np.where(u > {c}, {E}, {E})", "np.maximum({E}, {c})",
    "({E}) * np.sum(u)", "({E}) * np.mean(u)", "({E})[::-1]", "np.sum({E})", "({E}) ** 2", "np.cumsum({E})", "1.0 / (2.0 + ({E}) ** 2)", "({E}) * u[0]", "np.abs({E})", "square({E})",
)
VIEWS = (
    "{v}[{basic}]", "{v}[{basic}]", "{v}[1:]", "{v}[::-1]", "{v}[::2]", "{a}.T", "{a}.reshape(-1)", "{a}.ravel()", "{a}", "np.moveaxis({v}, {axis}, 0)", "{a}[...]", "{a}[None]", "np.transpose({v}, {permutation})",
    "np.diagonal({m})", "{v}.real", "np.split({v}, [1])[0]", "np.atleast_2d({a})", "np.asarray({a})", "mnp.asarray({a})", "np.reshape({a}, -1, order={order})", "{v}.view()", "np.expand_dims({a}, -1)",
    "np.squeeze({a})", "np.broadcast_to({a}, (2, *{a}.shape))", "np.swapaxes({v}, 0, -1)", "np.ravel({a}, order='K')", "{v}.imag", "np.flip({v})", "np.einsum('ij->ji', {m})",
)
WRITES = (
    "{v}[{index}] = {c}", "{v}[{index}] = {a} * {c}", "{v}[{index}] += {c}", "{v}[{index}] *= {a}", "{v}[{basic}] = {a}", "{v}[{basic}] += {a}", "{v}[0] = {v}[-1]", "{v}[{v} > {c}] = {c}", "{v}[{v} < {c}] *= 2.0",
    "{v} += {b}", "{v} *= {b}", "{v} -= {c}", "{v} /= 2.0", "{v} **= 2", "{v} %= 0.73", "{v} //= 0.73", "{v} += {n}", "{v}[...] = {b}", "{v}[:] = np.sin({s})", "{v}[1:] = {v}[:-1]", "{v}[1:] += {v}[:-1]", "{v}[:-1] *= {v}[1:]",
    "np.add({v}, {b}, out={s})", "np.sin({v}, out={s})", "np.multiply({v}, {c}, out={v})", "np.add.at({v}, {index}, {c})", "np.multiply.at({v}, 0, {c})", "np.copyto({v}, {b})", "np.copyto({v}, {b}, where={v} > {c})",
    "np.put({v}, [0, -1], [{c}, 0.3])", "np.place({v}, {v} > {c}, [0.5])", "np.putmask({v}, {v} > {c}, {v} * {v})", "np.fill_diagonal({m}, {c})", "{v}.fill({c})", "{v}.sort()", "{v}.sort(axis=0)", "{v}.flat[0] = {c}",
    "{v}.real = {b}", "{v}.imag *= 2.0", "{v}.ravel()[0] = {c}", "{v}.T[0] = {c}", "{v}.reshape(-1)[-1] *= 2.0", "np.maximum({v}, {c}, out={v})", "np.cumsum({v}, axis=0, out={s})", "np.clip({v}, -0.5, 0.8, out={v})",
    "{v}[0], {v}[-1] = {v}[-1] * 1.0, {v}[0] * 1.0", "{v}[[0, 0]] += {c}", "np.sum({m}, axis=0, out={m}[0])", "np.exp({v}, out={v}, where={v} < {c})", "np.put_along_axis({v}, np.argsort({v}, axis=0)[:1], {c}, 0)",
    "{v}[{index}] -= {v}[{index}]", "{v}.put([0], {c})", "{v}.partition(1)", "x[{index}] = {c}", "x *= {c}", "x += {b}", "np.nan_to_num({v}, copy=False)",
)
BLOCKS = (  # several lines; `new` is the name of a new value
    "for row in {v}:\n    row *= {c}",
    "for i in range(1, len({v})):\n    {v}[i] += 0.5 * {v}[i - 1]",
    "for i in range(len({v})):\n    {v}[i] = np.sin({v}[i]) * {v}[i - 1]",
    "for i, row in enumerate({v}):\n    {v}[i] = row * (i + 1.0)",
    "if np.sum({a}) > {c}:\n    {new} = {a} * 2.0\nelse:\n    {new} = np.sin({a})",
    "if {v}.ravel()[0] > {c}:\n    {v}[0] = {c}\nelse:\n    {v}[-1] *= {v}[0]",
    "if not np.any({a} > {c}):\n    {new} = {a} * 0.0\nelse:\n    {new} = {a} - np.max({a})",
    "{new} = {a} * 1.0\nwhile np.sum({new} * {new}) > 1.0:\n    {new} = 0.5 * {new}",
    "{new} = {a} * 1.0\nfor _ in range({n}):\n    {new} = np.sin({new}) + {a}",
    "{new} = 0.0 * {a} + np.ones(np.shape({a}))\nfor _ in range(3):\n    {new} *= {a}",
    "{new} = np.zeros_like({a})\nfor _ in range(2):\n    {new} = {new} + {a}\n    {new} *= {b}",
    "{new} = {v} * 1.0\n{new}[1:] = {v}[:-1]\n{new}[0] += {c}",
    "try:\n    {new} = np.linalg.inv({m}) * 0.1\nexcept np.linalg.LinAlgError:\n    {new} = {m} * 2.0",
    "def inner(u):\n    g = u * {a}\n    g[0] *= u[-1]\n    return np.sum(g * g)\n{new} = grad(inner)({s})",
    "def inner(u):\n    g = np.sin(u)\n    h = g[::-1]\n    h *= {s}\n    return g\n{new} = jvp(inner, ({v},), ({v},))[1]",
    "def inner(u):\n    u[0] = u[-1] * {c}\n    return np.sum(u * u)\n{new} = grad(inner)({v})",
    "def inner(u):\n    u *= {c}\n    return u * u\n{new} = batched(inner)({v})",
    "def inner(u):\n    g = u * 1.0\n    for i in range(1, len(u)):\n        g[i] = g[i - 1] * u[i]\n    return g\n{new} = jacobian(inner)({v}.ravel())",
    "{new} = []\nfor row in {v}:\n    {new}.append(row * {c})\n{new} = np.stack({new})",
    "{new} = {{'p': {a}, 'q': ({b}, 2.0)}}\n{new} = np.sum({new}['p'] * {new}['q'][0])",
    "with np.errstate(all='ignore'):\n    {new} = {a} * np.tanh({b})",
    "{new} = [e * 2.0 for e in {v}][-1]",
    "{new} = {a}.item() * {a} if np.size({a}) == 1 else np.sum({a})",
    "{new} = {v}.copy()\n{new}.sort()\n{new} *= {v}",
    "{new} = np.empty_like({v})\n{new}[...] = {v}\n{new}[0] *= 3.0",
    "{new} = np.zeros_like({v})\n{new}[{index}] = {v}[{index}]",
    "{new} = np.full_like({v}, {c})\n{new}[0] = {v}[-1]",
    "{new} = np.ones_like({a}) * {c}\n{new} += {a}",
)
# fmt: on
