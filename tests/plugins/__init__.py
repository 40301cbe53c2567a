"""The hooks, asked."""
