"""Run all benchmarks, one table after another."""

from __future__ import annotations

from tests.benchmarks import (
    bench_bands,
    bench_decode,
    bench_end_to_end,
    bench_explain,
    bench_features,
    bench_merge,
    bench_outliers,
    bench_recipe,
    bench_training,
)

for title, benchmark in (
    ("16 features of a light curve", bench_features),
    ("One period for several bands", bench_bands),
    ("Rules for outliers", bench_outliers),
    ("Decoding a packet", bench_decode),
    ("Merging an alert into a light curve", bench_merge),
    ("End to end", bench_end_to_end),
    ("Reasons", bench_explain),
    ("Training 30 networks", bench_training),
    ("One transferred network", bench_recipe),
):
    print(f"\n## {title}\n", flush=True)
    benchmark.main()
