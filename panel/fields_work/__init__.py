"""What happens to additional fields over their lives: order, use, retiring, options, types and defaults."""
