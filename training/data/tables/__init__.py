"""Tables of light curves: text, Parquet and Avro, from their bytes to columns of rows.

What the rows mean on the sky stays outside, and nothing here knows a survey.
"""
