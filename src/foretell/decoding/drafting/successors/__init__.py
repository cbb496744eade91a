"""Tables of successors: what tends to follow a few tokens. One container, several rules of learning."""
