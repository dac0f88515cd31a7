"""What Python files import when they are loaded."""

from __future__ import annotations

import ast


def module_imports(text: str) -> set[str]:
    """Top-level names that a module imports when it is loaded; pure. SyntaxError."""
    names: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names
