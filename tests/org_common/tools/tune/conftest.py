import numpy as np

from org_common.telemetry.monitoring.lambda_report import LambdaReport


def reports(
    memory_mb: int, mean_ms: float, count: int = 200, *, spread: float = 0.3, seed: int = 1
) -> list[LambdaReport]:
    """Warm invocations of log-normal times."""
    random = np.random.default_rng([seed, memory_mb])
    times = mean_ms * np.exp(random.normal(-(spread**2) / 2, spread, count))
    return [
        LambdaReport(f"{memory_mb}-{seed}-{n}", float(ms), float(np.ceil(ms)), memory_mb, 80)
        for n, ms in enumerate(times)
    ]
