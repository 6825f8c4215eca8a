"""HTTP surface: health, metrics."""
