"""The synthetic gate: what it measures, which limits there are, and what it draws.

`metric_table` lists every metric, `measuring` the functions that measure them, `limits` turns numbers into outcomes.
"""
