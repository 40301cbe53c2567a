"""What messages become."""
