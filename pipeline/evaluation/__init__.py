"""evaluation.json as the programs after `evaluate` read it: figures by their path."""

from pipeline.evaluation.figures import MOST_BYTES, figure, metric_line, parse_evaluation, read_evaluation

__all__ = ["MOST_BYTES", "figure", "metric_line", "parse_evaluation", "read_evaluation"]
