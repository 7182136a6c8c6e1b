"""Training of the sketch generator from benchmarks: examples, fitting, weights."""
