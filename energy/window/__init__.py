"""From edges to figures: compute windows, their energy by three rules, and what a session makes of them."""
