"""Official PyTorch checkpoints into run folders, and back."""
