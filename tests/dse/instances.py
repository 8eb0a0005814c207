"""Seeded allocation problems with three binding budgets."""

import numpy as np

BITS = np.array([2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0])


def network_like(seed, layers=200, bits=BITS):
    """Costs of random layers of a network at some widths: bytes, bit operations, a roofline's latency; convex losses.

    Parameters span three and a half decades and output positions three, as in convolutional networks.
    """
    random = np.random.default_rng(seed)
    params = np.round(np.exp(random.uniform(np.log(1e3), np.log(4e6), layers)))
    macs = params * np.round(np.exp(random.uniform(0, np.log(3136), layers)))
    size = params[:, None] * bits / 8
    bops = macs[:, None] * bits**2
    latency = 2e-6 + np.maximum(size / (1e9 * random.uniform(0.8, 1.2, (layers, 1))), bops / 1e15)
    loss = np.exp(random.normal(0, 1.5, (layers, 1))) * 4.0**-bits * np.exp(random.normal(0, 0.1, size.shape))
    return limited(random, loss, {"weight_bytes": size, "bops": bops, "latency_s": latency})


def uncorrelated(seed, layers=200, options=8):
    """Losses and costs that have nothing to do with each other, uniform in [0, 1): the hard case of the literature."""
    random = np.random.default_rng(seed)
    loss = random.uniform(size=(layers, options))
    return limited(random, loss, {name: random.uniform(size=loss.shape) for name in ("a", "b", "c")})


def limited(random, loss, costs):
    """Budgets just below what the best choice at random prices spends, so that all of them bind."""
    prices = {name: loss.mean() / cost.mean() * np.exp(random.normal(0, 0.3)) for name, cost in costs.items()}
    choice = np.argmin(loss + sum(prices[name] * cost for name, cost in costs.items()), axis=1)
    layers = np.arange(len(loss))
    budgets = {n: float(c[layers, choice].sum() * (1 - 1e-3 * random.uniform(0.2, 1))) for n, c in costs.items()}
    return loss, costs, budgets


def subset_sum(seed, layers):
    """Loss is exactly what a cost saves, so every option is as good per unit: no bound tells choices apart."""
    random = np.random.default_rng(seed)
    cost = random.integers(1, 10**6, (layers, 4)).astype(float)
    return (
        cost.max() - cost,
        {"c": cost, "d": cost[::-1].copy()},
        {"c": cost.mean() * layers, "d": cost.mean() * layers},
    )


def converted(seed, layers, options, budgets=3, most=3):
    """What `solve` takes: random losses, costs and conversions, ties, and few of many formats."""
    random = np.random.default_rng(seed)
    loss = random.random((layers, options)) * np.linspace(1, 0.01, options)
    costs = {f"c{k}": random.random(loss.shape) * np.linspace(0.1, 1, options) for k in range(budgets)}
    return {
        "loss": loss,
        "costs": costs,
        "budgets": {name: 0.8 * float(cost.mean(axis=1).sum()) for name, cost in costs.items()},
        "ties": [[i, i + 2] for i in range(0, layers - 2, 10)],
        "conversion": 0.1 * random.random((options, options)) * (1 - np.eye(options)),
        "max_formats": most,
    }
