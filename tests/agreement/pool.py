"""Operations to draw programs from, by the sorts of values that they take and make.

Sorts: ``S`` a number, ``V`` three of them, ``M`` a 3x3 matrix, ``T`` a small picture, ``D`` ``H``
``K`` three numbers in float64, float16, bfloat16, ``C`` complex, ``I`` three indices, ``B`` three
truths, ``R`` ragged, ``P`` sparse, ``E`` empty. Each line reads ``arguments > made: expression``;
``{a}`` ``{b}`` ``{c}`` stand for the arguments.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

_ELEMENTWISE = """
V > V: tf.tanh({a})
V > V: tf.sin({a})
V > V: tf.cos({a})
V > V: tf.tan({a} * 0.1)
V > V: tf.asin({a} * 0.01)
V > V: tf.acos(tf.tanh({a}) * 0.5)
V > V: tf.atan({a})
V > V: tf.sinh({a} * 0.1)
V > V: tf.cosh({a} * 0.1)
V > V: tf.asinh({a})
V > V: tf.acosh(tf.square({a}) + 1.5)
V > V: tf.atanh(tf.tanh({a}) * 0.5)
V > V: tf.exp(-tf.square({a}))
V > V: tf.math.expm1({a} * 0.1)
V > V: tf.math.log(tf.square({a}) + 1.0)
V > V: tf.math.log1p(tf.abs({a}))
V > V: tf.sqrt(tf.square({a}) + 1.0)
V > V: tf.math.rsqrt(tf.square({a}) + 1.0)
V > V: tf.math.reciprocal(tf.square({a}) + 1.0)
V > V: tf.math.reciprocal_no_nan({a})
V > V: tf.sigmoid({a})
V > V: tf.math.log_sigmoid({a})
V > V: tf.nn.relu({a})
V > V: tf.nn.relu6({a})
V > V: tf.nn.leaky_relu({a})
V > V: tf.nn.elu({a})
V > V: tf.nn.selu({a})
V > V: tf.nn.gelu({a})
V > V: tf.nn.silu({a})
V > V: tf.nn.swish({a})
V > V: tf.nn.softplus({a})
V > V: tf.nn.softsign({a})
V > V: tf.nn.softmax({a})
V > V: tf.nn.log_softmax({a})
V > V: tf.nn.l2_normalize({a}, axis=0)
V > V: tf.math.erf({a})
V > V: tf.math.erfc({a})
V > V: tf.math.lgamma(tf.abs({a}) + 1.0)
V > V: tf.math.digamma(tf.abs({a}) + 1.0)
V > V: tf.math.polygamma(1.0, tf.abs({a}) + 1.0)
V > V: tf.math.bessel_i0e({a})
V > V: tf.math.bessel_i1({a} * 0.1)
V > V: tf.math.special.dawsn({a})
V > V: tf.math.special.expint(tf.abs({a}) + 0.5)
V > V: tf.math.special.fresnel_sin({a})
V > V: tf.math.special.spence(tf.abs({a}) + 0.5)
V > V: tf.math.ndtri(tf.sigmoid({a}))
V > V: tf.math.erfinv(tf.tanh({a}) * 0.5)
V > V: tf.math.betainc(tf.abs({a}) + 1.0, 2.0 + tf.zeros(3), 0.3 + tf.zeros(3))
V > V: tf.math.igamma(tf.abs({a}) + 1.0, tf.ones(3))
V > V: tf.math.zeta(tf.abs({a}) + 2.0, tf.ones(3))
V > V: tf.abs({a})
V > V: -{a}
V > V: tf.sign({a})
V > V: tf.round({a})
V > V: tf.math.rint({a})
V > V: tf.floor({a})
V > V: tf.math.ceil({a})
V > V: {a} // 0.5
V > V: {a} % 1.5
V > V: {a} ** 2
V > V: tf.abs({a}) ** 1.5
V > V: 2.0 ** ({a} * 0.1)
V > V: 1.0 / (1.0 + tf.square({a}))
V > V: {a} / 3.0
V > V: 1.5 - {a}
V > V: {a} * np.float32(0.5)
V > V: {a} + np.ones(3, "float32")
V > V: tf.square({a} * 0.2)
V > V: tf.clip_by_value({a}, -1.0, 1.0)
V > V: tf.clip_by_norm({a}, 1.0)
V > V: tf.identity({a})
V > V: tf.stop_gradient({a})
V > V: tf.grad_pass_through(tf.round)({a})
V > V: tf.recompute_grad(lambda z: tf.sin(z) * z)({a})
V > V: tf.debugging.check_numerics({a}, "not finite")
V > V: tf.ensure_shape({a}, [3])
V > V: tf.quantization.fake_quant_with_min_max_args({a})
V > V: tf.quantization.quantize_and_dequantize_v2({a}, -3.0, 3.0, range_given=True)
V > V: tf.math.multiply_no_nan({a}, tf.constant([1.0, 0.0, 2.0]))
V > V: tf.nn.dropout({a}, 0.5, seed=3)
V > V: {a} + tf.random.normal([3]) * 0.1
V > V: tf.random.normal([3], {a}, 1.0)
V > V: tf.random.gamma([], tf.abs({a}) + 1.0)
V > V: tf.random.shuffle({a})
V > V: tf.zeros_like({a})
V > V: tf.ones_like({a}) * {a}
V > V: tf.constant({a})
V > V: tf.convert_to_tensor({a})
V > V: tf.cast({a}, tf.float32)
V > V: tf.bitcast(tf.bitcast({a}, tf.int32), tf.float32)
V > V: tf.math.cumsum({a})
V > V: tf.math.cumsum({a}, exclusive=True, reverse=True)
V > V: tf.math.cumprod({a} * 0.3)
V > V: tf.math.cumulative_logsumexp({a})
V > V: tf.sort({a})
V > V: tf.sort({a}, direction="DESCENDING")
V > V: tf.reverse({a}, [0])
V > V: tf.roll({a}, 1, 0)
V > V: tf.math.top_k({a}, 3).values
V > V: tf.tile({a}[:1], [3])
V > V: tf.repeat({a}, [2, 0, 1], axis=0)
V > V: tf.pad({a}[1:], [[1, 0]])
V > V: tf.pad({a}[:2], [[0, 1]], mode="SYMMETRIC")
V > V: tf.slice({a}, [0], [3])
V > V: {a}[::-1]
V > V: {a}[..., tf.newaxis][:, 0]
V > V: tf.concat([{a}[:1], {a}[1:]], 0)
V > V: tf.stack(tf.unstack({a}))
V > V: tf.concat(tf.split({a}, [1, 2]), 0)
V > V: tf.squeeze(tf.expand_dims({a}, 0), 0)
V > V: tf.reshape(tf.transpose(tf.reshape({a}, [1, 3])), [3])
V > V: tf.broadcast_to({a}[1], [3])
V > V: tf.fill([3], {a}[0])
V > V: tf.linspace({a}[0], {a}[2], 3)
V > V: tf.range(3.0) * {a}
V > V: tf.meshgrid({a}, {a})[0][0]
V > V: tf.boolean_mask({a}, [True, True, True])
V > V: tf.dynamic_stitch([[0], [1, 2]], tf.dynamic_partition({a}, [0, 1, 1], 2))
V > V: tf.tensor_scatter_nd_update({a}, [[0]], [2.0])
V > V: tf.tensor_scatter_nd_add({a}, [[1]], {a}[:1])
V > V: tf.tensor_scatter_nd_max({a}, [[1]], [0.1])
V > V: tf.scatter_nd([[2], [0]], {a}[:2], [3])
V > V: tf.math.segment_sum({a}, [0, 1, 2])
V > V: tf.math.segment_mean({a}, [0, 1, 2])
V > V: tf.math.segment_prod({a}, [0, 1, 2])
V > V: tf.math.segment_max({a}, [0, 1, 2])
V > V: tf.math.unsorted_segment_sum({a}, [2, 0, 0], 3)
V > V: tf.math.unsorted_segment_max({a}, [2, 0, 1], 3)
V > V: tf.math.unsorted_segment_prod({a}, [2, 0, 1], 3)
V > V: tf.math.unsorted_segment_sqrt_n({a}, [2, 0, 1], 3)
V > V: tf.sparse.segment_sum({a}, [0, 2, 1], [0, 1, 2])
V > V: tf.case([(tf.reduce_sum({a}) > 0.0, lambda: {a} * 2.0)], default=lambda: {a} * 3.0)
V > V: tf.where({a} > 0.0, {a}, 0.1 * {a})
V > V: tf.raw_ops.Select(condition={a} > 0.0, x={a}, y=-{a})
V > V: tf.keras.activations.hard_sigmoid({a})
V > V: tf.keras.ops.logaddexp({a}, 0.5)
V > V: tf.numpy_function(lambda z: np.tanh(z), [{a}], tf.float32)
V > V: tf.py_function(lambda z: tf.square(z), [{a}], tf.float32)
V > V: tf.py_function(lambda z: z.numpy() * 2.0, [{a}], tf.float32)
V > V: {a}.numpy() * 0.5
V > V: tf.constant(np.tanh({a}))
V > V: tf.vectorized_map(lambda z: z * z, {a})
V > V: tf.map_fn(tf.sin, {a})
V > V: tf.map_fn(lambda p: p[0] * p[1], ({a}, {a}), fn_output_signature=tf.float32)
V > V: tf.scan(lambda p, z: p * 0.5 + z, {a})
V > V: tf.foldl(lambda p, z: p + z, {a}) * {a}
V > V: tf.foldr(lambda p, z: p * 0.5 + z, {a}) + {a}
V > V: tf.while_loop(lambda i, z: i < 2, lambda i, z: (i + 1, z * 1.1), [0, {a}])[1]
V > V: tf.cond({a}[0] > 0.0, lambda: {a} * 2.0, lambda: tf.sin({a}))
V > V: tf.switch_case(tf.constant(1), [lambda: {a}, lambda: {a} * {a}])
V > V: tf.nn.moments({a}, 0)[0] + {a}
V > V: tf.signal.irfft(tf.signal.rfft({a}), [3])
V > V: tf.signal.dct({a})
V > V: tf.signal.frame({a}, 3, 1)[0]
V > V: tf.strings.to_number(tf.strings.as_string({a}))
V > V: tf.cast(tf.strings.length(tf.strings.as_string({a})), tf.float32)
V > V: tf.cast(tf.raw_ops.UniqueV2(x={a}, axis=[0]).idx, tf.float32)
V,V > V: {a} + {b}
V,V > V: {a} - {b}
V,V > V: {a} * {b}
V,V > V: {a} / (1.0 + tf.square({b}))
V,V > V: tf.math.divide_no_nan({a}, {b})
V,V > V: tf.maximum({a}, {b})
V,V > V: tf.minimum({a}, {b})
V,V > V: tf.math.atan2({a}, {b} + 2.0)
V,V > V: tf.math.squared_difference({a}, {b})
V,V > V: tf.math.floormod({a}, tf.abs({b}) + 1.0)
V,V > V: tf.math.floordiv({a}, tf.abs({b}) + 1.0)
V,V > V: tf.math.xlogy(tf.abs({a}) + 0.1, tf.abs({b}) + 0.1)
V,V > V: tf.math.xlog1py({a}, tf.abs({b}))
V,V > V: tf.math.xdivy({a}, tf.square({b}) + 1.0)
V,V > V: tf.pow(tf.abs({a}) + 0.1, tf.tanh({b}))
V,V > V: tf.add_n([{a}, {b}, {a}])
V,V > V: tf.math.accumulate_n([{a}, {b}])
V,V > V: tf.linalg.cross({a}, {b})
V,V > V: tf.where(tf.greater({a}, {b}), {a}, {b})
V,V > V: tf.concat([{a}, {b}], 0)[1:4]
V,V > V: tf.stack([{a}, {b}])[1]
V,V > V: tf.stack([{a}, {b}], 1)[:, 0]
V,V > V: tf.tensordot({a}, {b}, 1) * {a}
V,V > V: tf.einsum("i,j->i", {a}, {b})
V,V > V: tf.tensor_scatter_nd_add({a}, [[0], [2]], {b}[:2])
V,V > V: tf.dynamic_stitch([[0, 2], [1]], [{a}[:2], {b}[:1]])
V,V > V: tf.nn.sigmoid_cross_entropy_with_logits(tf.sigmoid({a}), {b})
V,V > V: tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax({a}), {b}) * {a}
V,V > V: tf.identity_n([{a}, {b}])[1]
V,V > V: tf.tuple([{a}, {b}])[0]
V,V > V: tf.while_loop(lambda i, z: i < 2, lambda i, z: (i + 1, z * {b}), [0, {a}])[1]
V,V > V: tf.cond(tf.reduce_sum({a}) > 0.0, lambda: {a}, lambda: {b} * {a})
V,V > V: tf.keras.losses.mse({a}, {b}) + {a}
V,V > V: tf.raw_ops.SelectV2(condition=True, t={a}, e={b})
V,V > V: tf.raw_ops.Betainc(a=tf.abs({a}) + 1.0, b=tf.abs({b}) + 1.0, x=0.3 + tf.zeros(3))
V,S > V: {a} * {b}
V,S > V: {a} - {b}
V,S > V: tf.fill([3], {b}) + {a}
V,S > V: tf.clip_by_value({a}, -tf.abs({b}), tf.abs({b}))
V,S > V: tf.tensor_scatter_nd_update({a}, [[1]], [{b}])
V,S > V: {a} * float({b})
V,S > V: {a} if {b} > 0.0 else {a} * {b}
S,S > S: {a} + {b}
S,S > S: {a} * tf.sin({b})
S,S > S: tf.maximum({a}, {b})
S > S: tf.square({a}) * 0.1
S > S: tf.tanh({a})
S > S: tf.where({a} > 0.0, {a}, 0.0)
S > S: tf.math.floor({a})
S > S: tf.reshape([{a}], [])
S > S: tf.stop_gradient({a}) * {a}
S,S > V: tf.stack([{a}, {b}, 1.0])
S,S > V: tf.convert_to_tensor([{a}, {b}, {a} * {b}])
"""

_REDUCE = """
V > S: tf.reduce_sum({a})
V > S: tf.reduce_mean({a})
V > S: tf.reduce_max({a})
V > S: tf.reduce_min({a})
V > S: tf.reduce_prod({a})
V > S: tf.reduce_logsumexp({a})
V > S: tf.math.reduce_std({a} + tf.constant([0.0, 0.1, 0.5]))
V > S: tf.math.reduce_variance({a})
V > S: tf.math.reduce_euclidean_norm({a} + 3.0)
V > S: tf.norm({a} + 3.0)
V > S: tf.nn.l2_loss({a})
V > S: {a}[1]
V > S: tf.gather({a}, 1)
V > S: tf.cast(tf.argmax({a}), tf.float32)
V > S: tf.cast(tf.math.count_nonzero({a}), tf.float32)
V > S: tf.cast(tf.size({a}), tf.float32)
V > S: tf.math.zero_fraction({a})
V > S: tf.linalg.global_norm([{a} + 2.0])
V > S: tf.clip_by_global_norm([{a}], 1.0)[1]
V > S: tf.constant(float(tf.reduce_sum({a})))
V > S: tf.foldl(lambda p, z: p + z * z, {a})
V > S: tf.math.confusion_matrix([0, 1], [1, 1], weights={a}[:2], dtype=tf.float32)[0, 1]
M > V: tf.reduce_sum({a}, 1)
M > V: tf.reduce_max({a}, axis=0)
M > V: tf.reduce_mean({a}, 0, keepdims=True)[0]
M > V: tf.linalg.diag_part({a})
M > V: {a}[1]
M > V: {a}[:, 2]
M > V: tf.norm({a} + 2.0, axis=1)
M > V: tf.linalg.svd({a} + tf.linalg.diag([1.0, 2.0, 4.0]), compute_uv=False)
M > V: tf.linalg.eigvalsh({a} + tf.transpose({a}) + tf.linalg.diag([1.0, 5.0, 9.0]))
M > V: tf.gather_nd({a}, [[0, 1], [2, 2], [1, 0]])
M > V: tf.boolean_mask({a}, tf.eye(3, dtype=tf.bool))
M > V: tf.math.top_k({a}, 1).values[:, 0]
M > V: tf.nn.sparse_softmax_cross_entropy_with_logits([0, 2, 1], {a})
M > V: tf.cast(tf.argmax({a}, 1), tf.float32)
M > V: tf.one_hot(tf.argmax({a}[0]), 3)
M > V: tf.cast(tf.random.categorical({a}, 1, seed=1)[:, 0], tf.float32)
M > S: tf.linalg.trace({a})
M > S: tf.linalg.det({a} + tf.eye(3) * 3.0)
M > S: tf.linalg.slogdet({a} + tf.eye(3) * 5.0)[1]
M > S: tf.linalg.logdet({a} @ tf.transpose({a}) + tf.eye(3))
M > S: tf.norm({a} + 2.0, ord=1)
M > S: tf.reduce_sum({a})
M > S: tf.nn.ctc_loss([[1]], {a}[:, None, :], [1], [3], logits_time_major=True, blank_index=0)[0]
"""

_MATRIX = """
V > M: tf.linalg.diag({a})
V > M: {a}[:, None] * {a}[None, :]
V > M: tf.stack([{a}, {a} * 2.0, tf.sin({a})])
V > M: tf.tile({a}[None], [3, 1])
V > M: tf.broadcast_to({a}, [3, 3])
V > M: tf.linalg.LinearOperatorToeplitz({a}, {a}).to_dense()
V,V > M: tf.tensordot({a}, {b}, 0)
V,V > M: tf.einsum("i,j->ij", {a}, {b})
V,V > M: tf.meshgrid({a}, {b})[0]
M,V > V: tf.linalg.matvec({a}, {b})
M,V > V: tf.einsum("ij,j->i", {a}, {b})
M,V > V: tf.linalg.solve({a} + tf.eye(3) * 5.0, {b}[:, None])[:, 0]
M,V > V: tf.nn.bias_add({a}, {b})[0]
M,V > M: {a} + {b}
M,V > M: {a} * {b}[:, None]
M,V > M: tf.linalg.set_diag({a}, {b})
M,V > M: tf.nn.bias_add({a}, {b})
M,V > M: tf.tensor_scatter_nd_update({a}, [[1]], {b}[None])
M,V > M: tf.nn.batch_normalization({a}, {b}, tf.square({b}) + 1.0, 0.1, None, 1e-3)
M,M > M: {a} @ {b}
M,M > M: tf.matmul({a}, {b}, transpose_a=True)
M,M > M: tf.matmul({a}, {b}, transpose_b=True)
M,M > M: tf.einsum("ij,kj->ik", {a}, {b})
M,M > M: tf.einsum("ij,ij->ij", {a}, {b})
M,M > M: tf.tensordot({a}, {b}, [[1], [0]])
M,M > M: {a} * {b}
M,M > M: {a} - {b}
M,M > M: tf.linalg.solve({a} + tf.eye(3) * 5.0, {b})
M,M > M: tf.linalg.triangular_solve({a} + tf.eye(3) * 5.0, {b})
M,M > M: tf.linalg.lstsq({a} + tf.eye(3) * 5.0, {b}, l2_regularizer=0.1)
M,M > M: tf.concat([{a}, {b}], 0)[1:4]
M,M > M: tf.stack([{a}, {b}])[1]
M,M > M: tf.nn.embedding_lookup({a}, [0, 2, 1]) + {b}
M,M > M: tf.nn.embedding_lookup([{a}, {b}], [0, 3, 1])
M,M > M: tf.sparse.sparse_dense_matmul(tf.sparse.from_dense({a}), {b})
M,M > M: tf.linalg.matmul(tf.stack([{a}] * 2), tf.stack([{b}] * 2))[1]
M,M > M: tf.raw_ops.BatchMatMulV2(x={a}[None], y={b}[None])[0]
M,M > M: tf.nn.softmax({a} @ tf.transpose({b})) @ {b}
M > M: tf.transpose({a})
M > M: tf.linalg.adjoint({a})
M > M: tf.linalg.inv({a} + tf.eye(3) * 5.0)
M > M: tf.linalg.pinv({a} + tf.eye(3) * 5.0)
M > M: tf.linalg.cholesky({a} @ tf.transpose({a}) * 0.1 + tf.eye(3))
M > M: tf.linalg.qr({a} + tf.eye(3) * 3.0)[0]
M > M: tf.linalg.qr({a} + tf.eye(3) * 3.0)[1]
M > M: tf.linalg.eigh({a} + tf.transpose({a}) + tf.linalg.diag([1.0, 5.0, 9.0]))[1]
M > M: tf.linalg.svd({a} + tf.linalg.diag([1.0, 5.0, 9.0]))[1]
M > M: tf.linalg.expm({a} * 0.1)
M > M: tf.linalg.sqrtm({a} @ tf.transpose({a}) + tf.eye(3))
M > M: tf.linalg.band_part({a}, 1, 0)
M > M: tf.linalg.tensor_diag_part(tf.linalg.tensor_diag({a}))
M > M: tf.linalg.cholesky_solve(tf.eye(3) * 2.0, {a})
M > M: tf.linalg.tridiagonal_matmul(tf.ones([3, 3]), {a})
M > M: tf.nn.softmax({a}, axis=0)
M > M: tf.nn.log_softmax({a})
M > M: tf.math.l2_normalize({a}, 1)
M > M: tf.sort({a}, axis=1)
M > M: tf.math.top_k({a}, 3).values
M > M: tf.gather({a}, tf.argsort({a}[0]))
M > M: tf.gather({a}, [1, 1, 0], axis=1)
M > M: tf.gather({a}, [[0, 1, 2]] * 3, axis=1, batch_dims=1)
M > M: tf.gather_nd({a}, [[2], [0], [0]])
M > M: tf.reverse_sequence({a}, [1, 2, 3], 1)
M > M: tf.roll({a}, [1, 2], [0, 1])
M > M: tf.math.cumsum({a}, 1)
M > M: tf.reshape({a}, [-1, 3])
M > M: tf.pad({a}[1:, 1:], [[1, 0], [0, 1]], constant_values=1.0)
M > M: tf.pad({a}[:2], [[0, 1], [0, 0]], mode="REFLECT")
M > M: {a}[::-1, ::-1]
M > M: tf.concat(tf.split({a}, 3, 1), 1)
M > M: tf.stack(tf.unstack({a}, axis=1), 1)
M > M: tf.map_fn(lambda r: r * r[0], {a})
M > M: tf.vectorized_map(lambda r: r / (1.0 + tf.norm(r)), {a} + 1.0)
M > M: tf.scan(lambda p, r: p * 0.5 + tf.sin(r), {a})
M > M: tf.ones_like({a}) + {a}
M > M: tf.nn.dropout({a}, 0.3)
M > M: tf.stop_gradient({a}) + {a}
M > M: tf.tensor_scatter_nd_sub({a}, [[0]], {a}[1:2])
M > M: tf.linalg.normalize({a} + 2.0, axis=1)[0]
M > M: tf.math.unsorted_segment_mean({a}, [0, 2, 0], 3)
M > M: tf.sparse.to_dense(tf.sparse.from_dense({a}))
M > M: tf.keras.layers.Softmax()({a})
M > M: tf.keras.ops.softmax({a})
M > M: tf.nn.embedding_lookup_sparse({a}, tf.sparse.from_dense([[1, 2], [1, 0], [2, 1]]), None, combiner="mean")
M > M: tf.clip_by_value({a}, -1.0, 1.0)
M > M: tf.linalg.matrix_transpose({a})
M > M: tf.recompute_grad(lambda z: z @ z)({a})
M > M: tf.while_loop(lambda i, z: i < 2, lambda i, z: (i + 1, tf.tanh(z @ z)), [0, {a}])[1]
"""

_PICTURE = """
M > T: tf.reshape(tf.tile(tf.reshape({a}, [-1]), [4])[:32], [1, 4, 4, 2])
M > T: tf.image.resize(tf.tile({a}[None, :, :, None], [1, 1, 1, 2]), [4, 4])
T > M: tf.reduce_mean({a}, [0, 3])[:3, :3]
T > M: {a}[0, 1:, :3, 0]
T > T: tf.nn.avg_pool2d({a}, 2, 1, "SAME")
T > T: tf.nn.max_pool2d({a}, 2, 1, "SAME")
T > T: tf.nn.max_pool_with_argmax({a}, 2, 1, "SAME")[0]
T > T: tf.nn.conv2d({a}, tf.ones([2, 2, 2, 2]) * 0.1, 1, "SAME")
T > T: tf.nn.conv2d({a}, tf.ones([2, 2, 2, 2]) * 0.1, 1, "SAME", dilations=2)
T > T: tf.nn.depthwise_conv2d({a}, tf.ones([2, 2, 2, 1]) * 0.2, [1, 1, 1, 1], "SAME")
T > T: tf.nn.separable_conv2d({a}, tf.ones([2, 2, 2, 1]) * 0.2, tf.ones([1, 1, 2, 2]), [1, 1, 1, 1], "SAME")
T > T: tf.nn.conv2d_transpose({a}, tf.ones([2, 2, 2, 2]) * 0.1, [1, 4, 4, 2], 1, "SAME")
T > T: tf.nn.conv1d({a}[:, 0], tf.ones([2, 2, 2]) * 0.1, 1, "SAME")[:, None] + {a}
T > T: tf.nn.conv3d({a}[:, None], tf.ones([1, 1, 1, 2, 2]) * 0.2, [1] * 5, "SAME")[:, 0]
T > T: tf.nn.local_response_normalization({a})
T > T: tf.nn.space_to_depth(tf.image.resize({a}, [8, 8], "nearest"), 2)[..., :2]
T > T: tf.nn.depth_to_space(tf.tile({a}[:, :2, :2], [1, 1, 1, 4]), 2)
T > T: tf.batch_to_space(tf.space_to_batch({a}, [2, 2], [[0, 0], [0, 0]]), [2, 2], [[0, 0], [0, 0]])
T > T: tf.nn.erosion2d({a}, tf.ones([2, 2, 2]) * 0.1, [1] * 4, "SAME", "NHWC", [1] * 4)
T > T: tf.nn.dilation2d({a}, tf.ones([2, 2, 2]) * 0.1, [1] * 4, "SAME", "NHWC", [1] * 4)
T > T: tf.image.flip_left_right({a})
T > T: tf.image.rot90({a})
T > T: tf.image.adjust_brightness({a}, 0.2)
T > T: tf.image.per_image_standardization({a})
T > T: tf.image.resize({a}, [4, 4], "bicubic")
T > T: tf.image.crop_and_resize({a}, [[0.1, 0.1, 0.9, 0.9]], [0], [4, 4])
T > T: tf.image.extract_patches({a}, [1, 2, 2, 1], [1, 1, 1, 1], [1] * 4, "SAME")[..., :2]
T > T: tf.image.random_flip_left_right({a}, seed=3)
T > T: tf.image.pad_to_bounding_box({a}[:, 1:, 1:], 1, 1, 4, 4)
T > T: tf.image.central_crop(tf.image.resize({a}, [8, 8]), 0.5)
T > T: tf.nn.batch_normalization({a}, *tf.nn.moments({a}, [0, 1, 2]), None, None, 1e-3)
T > T: tf.compat.v1.nn.fused_batch_norm({a}, tf.ones([2]), tf.zeros([2]))[0]
T > T: tf.transpose({a}, [0, 2, 1, 3])
T > T: tf.nn.fractional_avg_pool({a}, [1.0, 1.3, 1.3, 1.0], seed=1)[0][:, :1, :1] + {a}
T,M > T: tf.nn.conv2d({a}, tf.reshape({b}[:2, :2], [1, 1, 2, 2]), 1, "SAME")
T,V > T: {a} * {b}[0]
T,V > T: tf.nn.bias_add({a}, {b}[:2])
"""

_DTYPES = """
V > D: tf.cast({a}, tf.float64)
D > V: tf.cast({a}, tf.float32)
D > D: tf.sin({a}) * tf.constant(2.0, tf.float64)
D > D: {a} * {a}
D,D > D: {a} - {b}
V > H: tf.cast({a}, tf.float16)
H > V: tf.cast({a}, tf.float32)
H > H: tf.tanh({a})
H > H: {a} * tf.constant(0.5, tf.float16)
H,H > H: {a} * {b}
V > K: tf.cast({a}, tf.bfloat16)
K > V: tf.cast({a}, tf.float32)
K > K: tf.nn.relu({a})
K,K > K: {a} + {b}
H > K: tf.cast({a}, tf.bfloat16)
V > C: tf.cast({a}, tf.complex64)
V,V > C: tf.complex({a}, {b})
C > V: tf.math.real({a})
C > V: tf.math.imag({a})
C > V: tf.abs({a} + 1.5)
C > V: tf.math.angle({a} + 1.5)
C > V: tf.cast({a}, tf.float32)
C > C: tf.math.conj({a})
C > C: tf.exp({a} * 0.1)
C > C: {a} * (0.3 + 0.4j)
C > C: tf.signal.fft({a})
C > C: tf.signal.ifft({a})
C > C: tf.sqrt({a} + 3.0)
C,C > C: {a} * {b}
C,C > C: {a} / ({b} + 3.0)
V > I: tf.argsort({a})
V > I: tf.math.top_k({a}, 3).indices
V > I: tf.clip_by_value(tf.cast({a}, tf.int32), 0, 2)
V > I: tf.cast(tf.searchsorted([0.0, 1.0], {a}), tf.int32)
V > I: tf.clip_by_value(tf.raw_ops.Bucketize(input={a}, boundaries=[0.0, 1.0]), 0, 2)
I > I: (2 - {a})
I > I: tf.bitwise.bitwise_and({a}, 1)
I > V: tf.cast({a}, tf.float32)
I > M: tf.one_hot({a}, 3)
I > M: tf.one_hot({a}, 3, on_value=2.5)
I,V > V: tf.gather({b}, {a})
I,V > V: tf.math.unsorted_segment_sum({b}, {a}, 3)
I,V > V: tf.scatter_nd({a}[:, None], {b}, [3])
I,M > V: tf.gather_nd({b}, tf.stack([{a}, {a}], 1))
I,M > M: tf.gather({b}, {a})
I,M > M: tf.nn.embedding_lookup({b}, {a})
I,M > M: tf.gather({b}, {a}, axis=1)
I,S > M: tf.one_hot({a}, 3, on_value={b})
V > B: {a} > 0.0
V,V > B: tf.less({a}, {b})
V > B: tf.math.is_finite({a})
B > B: ~{a}
B > V: tf.cast({a}, tf.float32)
B,V > V: tf.where({a}, {b}, 0.5)
B,V > V: tf.scatter_nd(tf.cast(tf.where({a}), tf.int32), tf.boolean_mask({b}, {a}), [3])
B > I: tf.cast({a}, tf.int32)
B > S: tf.cast(tf.reduce_any({a}), tf.float32)
V > R: tf.RaggedTensor.from_row_lengths({a}, [2, 1])
V > R: tf.ragged.stack([{a}[:2], {a}[2:]])
V > R: tf.RaggedTensor.from_tensor(tf.stack([{a}[:2], {a}[1:]]), lengths=[2, 1])
R > R: {a} * 2.0
R > R: tf.sin({a})
R > R: {a} + {a}
R > R: tf.ragged.map_flat_values(tf.square, {a})
R > R: tf.ragged.boolean_mask({a}, tf.ragged.constant([[True, True], [True]]))
R > R: tf.map_fn(lambda r: r * 2.0, {a})
R > V: {a}.flat_values
R > V: tf.concat([tf.reduce_sum({a}, 1), [1.0]], 0)
R > V: tf.concat([{a}[0], {a}[1]], 0)
R > V: tf.reshape({a}.to_tensor(0.5), [-1])[:3]
R > S: tf.reduce_sum({a})
R > S: tf.reduce_max(tf.reduce_mean({a}, axis=1))
R,S > R: {a} * {b}
M > P: tf.sparse.from_dense({a})
V > P: tf.SparseTensor([[0, 1], [1, 0], [2, 2]], {a}, [3, 3])
P > P: tf.sparse.map_values(tf.square, {a})
P > P: tf.sparse.transpose({a})
P > P: tf.sparse.reorder({a})
P > P: tf.sparse.add({a}, {a})
P > P: tf.sparse.retain({a}, tf.ones_like({a}.values, tf.bool))
P > P: {a} * tf.constant(2.0)
P > P: tf.sparse.softmax({a})
P > P: tf.sparse.concat(0, [{a}])
P > P: tf.sparse.slice({a}, [0, 0], [3, 3])
P > M: tf.sparse.to_dense({a})
P > V: tf.sparse.reduce_sum({a}, 1)
P > V: tf.sparse.segment_sum(tf.sparse.to_dense({a}), [0, 1, 2], [0, 1, 2])[0]
P > S: tf.reduce_sum({a}.values)
P,M > M: tf.sparse.sparse_dense_matmul({a}, {b})
P,M > M: tf.sparse.sparse_dense_matmul({b}, {a})
P,M > P: {a}.__mul__({b})
V > E: {a}[3:]
E > E: {a} * 2.0
E > V: tf.concat([{a}, [1.0, 2.0, 3.0]], 0)
E > S: tf.reduce_sum({a})
E,V > V: tf.concat([{a}, {b}], 0)
"""

# Ops that a tape records, and whose backward pass then raises.
_RAISE = """
V > V: tf.math.bincount(tf.constant([0, 1, 2]), {a}, minlength=3)
V > V: tf.raw_ops.Snapshot(input={a})
V > V: tf.unique({a}).y[:1] + {a}
M > M: tf.linalg.lu({a} + tf.eye(3) * 5.0)[0]
T > T: tf.image.adjust_contrast({a}, 0.5)
V,V > V: tf.raw_ops.TruncateMod(x={a}, y=tf.abs({b}) + 1.0)
V > V: tf.raw_ops.PreventGradient(input={a})
M > M: tf.abs(tf.linalg.logm(tf.cast({a} @ tf.transpose({a}) + tf.eye(3), tf.complex64)))
M,M > M: tf.linalg.lstsq({a} + tf.eye(3) * 5.0, {b}, fast=False)
"""

# What XLA can compile, and quickly.
_COMPILED = """
V > V: tf.tanh({a})
V > V: {a} * 2.0
V > V: tf.round({a})
V > V: tf.stop_gradient({a})
V > V: tf.square({a})
V > V: tf.nn.softmax({a})
V,V > V: {a} + {b}
V,V > V: {a} * {b}
V,V > V: tf.maximum({a}, {b})
V,S > V: {a} * {b}
S > S: tf.sin({a})
V > S: tf.reduce_sum({a})
M,V > V: tf.linalg.matvec({a}, {b})
M,M > M: {a} @ {b}
V > M: tf.linalg.diag({a})
"""

_LINE = re.compile(r"([A-Z,]+) > ([A-Z]): (.*)")
_EAGER_ONLY = (".numpy()", "float(", "np.tanh({a})", " if {b}", "tf.constant({a})")


@dataclass(frozen=True)
class Template:
    """One operation: the sorts that it takes, the sort that it makes, and its text."""

    takes: tuple[str, ...]
    makes: str
    text: str

    @property
    def in_graphs(self) -> bool:
        """Whether it can stand in the body of a tf.function."""
        return not any(part in self.text for part in _EAGER_ONLY)


def _read(text: str) -> tuple[Template, ...]:
    found = []
    for line in filter(None, text.splitlines()):
        takes, makes, body = _LINE.fullmatch(line.strip()).groups()  # type: ignore[union-attr]
        found.append(Template(tuple(takes.split(",")), makes, body))
    return tuple(found)


POOL = _read(_ELEMENTWISE + _REDUCE + _MATRIX + _PICTURE + _DTYPES)
RAISING = _read(_RAISE)
COMPILED = _read(_COMPILED)


def by_arguments(pool: tuple[Template, ...]) -> dict[tuple[str, ...], list[Template]]:
    """The templates by what they take, so that rare sorts are drawn as often as common ones."""
    found: dict[tuple[str, ...], list[Template]] = defaultdict(list)
    for template in pool:
        found[template.takes].append(template)
    return dict(found)
