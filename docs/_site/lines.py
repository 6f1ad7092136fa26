"""Where a class, a function or a constant stands in a file."""

import ast
import re


def line_of(path, fragment):
    """The number of the line that a fragment means; None where there is no such thing."""
    if found := re.fullmatch(r"L(\d+)", fragment):
        return int(found[1]) if int(found[1]) <= path.read_text(encoding="utf-8").count("\n") + 1 else None
    body = ast.parse(path.read_text(encoding="utf-8")).body
    node = None
    for name in fragment.split("."):
        node = next((one for one in body if name in _names(one)), None)
        if node is None:
            return None
        body = getattr(node, "body", [])
    return node.lineno


def _names(node):
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]
