"""The causes, one module each, in the order in which they are asked. Adding one adds a file here.

The first that recognises a case is the reason, so the more specific come first:

1. What was wrong with the call itself: nothing was differentiated.
2. The source's own dtype: no way could help.
3. No value came from the source to the target at all: why not.
4. The first step of the way that the gradient can't take, by what that step is: it left
   TensorFlow, passed state, passed another query, ran outside the tape, or ran an op without a
   gradient. These exclude one another, but for the source itself being the step (not watched, not
   trainable, watched too late), which is asked before the op that read it is blamed.
5. A number came back, and it is zero or not finite.
"""

from tapemagic.diagnosis.cause import Cause
from tapemagic.diagnosis.causes import (
    auto_watch_off,
    bad_argument,
    constant_gradient,
    custom_gradient,
    different_object,
    left_tensorflow,
    masked_none,
    missing_gradient,
    nan_gradient,
    nested_tape,
    new_variable,
    no_gradient_op,
    non_differentiable_input,
    non_float_dtype,
    non_trainable,
    outside_tape,
    py_function,
    rebound_name,
    stateful_object,
    stop_gradient,
    tape_consumed,
    unconnected,
    unwatched_tensor,
    watched_too_late,
    zero_gradient,
)

CAUSES: tuple[Cause, ...] = tuple(
    module.CAUSE
    for module in (
        # 1 the call
        tape_consumed,
        bad_argument,
        missing_gradient,
        # 5 numbers: asked before the ways, since they have one
        nan_gradient,
        masked_none,
        # 2 the source
        non_float_dtype,
        # 3 no way
        constant_gradient,
        rebound_name,
        different_object,
        unconnected,
        # 4 the first step that is cut
        py_function,
        left_tensorflow,
        new_variable,
        stateful_object,
        nested_tape,
        watched_too_late,
        auto_watch_off,
        non_trainable,
        unwatched_tensor,
        outside_tape,
        stop_gradient,
        custom_gradient,
        no_gradient_op,
        non_differentiable_input,
        zero_gradient,
    )
)
BY_SLUG = {cause.slug: cause for cause in CAUSES}
