"""Weights from files: safetensors folders, GGUF files and the Hugging Face hub, all read into a `Checkpoint`."""
