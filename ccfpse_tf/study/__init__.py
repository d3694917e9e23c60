"""Human preference studies: the page that raters open, and what comes of it."""
