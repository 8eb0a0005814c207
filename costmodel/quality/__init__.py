"""What a choice costs in loss: one published law a file, pure functions of numbers or arrays, claims beside them."""
