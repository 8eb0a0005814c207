"""Networks from elsewhere: a torch module, an ONNX file, a Hugging Face config.json."""
