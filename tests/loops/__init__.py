"""Mail that answers mail: it ends by itself."""
