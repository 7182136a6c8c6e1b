"""Reading and writing models: folders, deltas, ONNX, model cards."""
