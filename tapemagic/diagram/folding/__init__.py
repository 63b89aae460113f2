"""Large diagrams, folded before they are laid out."""
