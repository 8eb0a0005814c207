"""Figures: pure functions from results to plotly figures, the same for reports, pages and notebooks."""
