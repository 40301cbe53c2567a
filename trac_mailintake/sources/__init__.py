"""fetch and dispose: where mail comes from. Only here is the wire."""
