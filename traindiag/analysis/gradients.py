"""Gradient norms and idle units, where they are logged: the names that are understood.

- Norm of all gradients together: ``gradient_norm``; also ``grad_norm``, ``global_gradient_norm``,
  ``global_grad_norm``, ``gnorm`` and Lightning's ``grad_2.0_norm_total``.
- Norm of one layer's gradients: ``gradient_norm/<layer>``, also ``grad_norm/<layer>`` and Lightning's
  ``grad_2.0_norm/<layer>``; the layers are taken in the order of the log, input first.
- ``zero_fraction/<layer>``: share of a layer's activations that are zero. Half of them is what a fresh ReLU has.
- ``dead_fraction/<layer>``: share of a layer's units that are zero for every sample.

All are the mean or the last value of an epoch; the norms are those before clipping.
"""

from __future__ import annotations

import re

from traindiag.analysis.signals import Signals
from traindiag.model.curve import Curve

_GLOBAL = re.compile(
    r"^(.*/)?((global_)?(gradient|grad)s?(_global)?_norm|gnorm|grad_[\d.]+_norm_total)$", re.I
)
_LAYER = re.compile(r"^(?:gradient_norm|grad_norm|grad_[\d.]+_norm)/(.+)$", re.I)
_IDLE = re.compile(r"^(zero_fraction|dead_fraction)/(.+)$", re.I)


def gradient_norm(signals: Signals) -> Curve | None:
    """The norm of all gradients together."""
    return next((curve for curve in signals.curves if _GLOBAL.match(curve.metric)), None)


def layer_norms(signals: Signals) -> list[tuple[str, Curve]]:
    """(layer, norm of its gradients), in the order of the log."""
    found = ((_LAYER.match(curve.metric), curve) for curve in signals.curves)
    return [(match[1], curve) for match, curve in found if match]


def idle_units(signals: Signals) -> list[tuple[str, str, Curve]]:
    """(``zero_fraction`` or ``dead_fraction``, layer, curve), in the order of the log."""
    found = ((_IDLE.match(curve.metric), curve) for curve in signals.curves)
    return [(match[1].lower(), match[2], curve) for match, curve in found if match]
