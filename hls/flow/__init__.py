"""From a design to a board: synthesis, place and route, and loading, by programs from outside."""
