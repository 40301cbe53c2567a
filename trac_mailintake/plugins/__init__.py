"""The hooks: one plugin manager an environment."""
