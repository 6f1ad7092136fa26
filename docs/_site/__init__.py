"""What makes the site of the pages and the code: Sphinx extensions, a small one for each idea."""
