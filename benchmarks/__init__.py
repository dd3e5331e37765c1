"""What lambda-punch costs, as ratios to a baseline of the same run: ``python -m benchmarks``."""
