"""Mail that is sent."""
