"""What runs inside the sandbox, and the protocol that both sides speak. Nothing here is secret."""
