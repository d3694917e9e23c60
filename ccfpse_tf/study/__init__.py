"""Human preference studies: the page for raters, and the score of their answers."""
