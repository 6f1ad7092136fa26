"""Every Python block in the README and in docs/ runs, page by page, in the order in which a reader meets it.

A block directly under an HTML comment `<!-- not run: reason -->` is left out.
"""

import re
from pathlib import Path

import pytest

from gan_np import kernels
from gan_np.models.registered import GANS, MODELS, TRAINING

ROOT = Path(__file__).parents[1]
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if page.exists()]
BLOCK = re.compile(
    r"(?P<skip><!-- *not run: *\S(?:(?!-->).)*-->[ \t]*\n\s*)?^(?P<indent> *)```python\n(?P<code>.*?)^ *```",
    re.S | re.M,
)


def blocks(text):
    """(line number, code) of each block that is to run."""
    for found in BLOCK.finditer(text):
        if found["skip"] is None:
            indent = len(found["indent"])
            code = "".join(line[indent:] or "\n" for line in found["code"].splitlines(keepends=True))
            yield text.count("\n", 0, found.start("code")) + 1, code


def run(page, text):
    """Execute a page's blocks in one namespace; tracebacks name the page and its line."""
    namespace = {"__name__": "__main__"}
    for line, code in blocks(text):
        exec(compile("\n" * (line - 1) + code, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models = {registry: set(registry) for registry in (GANS, MODELS)}
    before = {(operation, entry.name) for operation in kernels.OPERATIONS for entry in kernels.entries(operation)}
    try:
        run(page, page.read_text(encoding="utf-8"))
    finally:
        after = {(operation, entry.name) for operation in kernels.OPERATIONS for entry in kernels.entries(operation)}
        for operation, name in after - before:
            kernels.unregister_kernel(operation, name)
        for registry, names in models.items():
            for name in set(registry) - names:
                registry.unregister(name)
                TRAINING.pop(name, None)
    assert after == before, "the page leaves kernels in the table"


def test_blocks_run_in_one_namespace_and_marked_ones_do_not(tmp_path):
    text = """
```python
seen = [1]
```
text
<!-- not run: would need a week -->
```python
seen.append(2)
```
- in a list:
  ```python
  if seen:

      seen.append(3)
  assert seen == [1, 3]
  ```
```sh
not python
```
"""
    assert [line for line, _ in blocks(text)] == [3, 12]
    run(tmp_path / "page.md", text)


def test_a_failing_block_names_page_and_line(tmp_path):
    with pytest.raises(ZeroDivisionError) as failure:
        run(tmp_path / "page.md", "one\n\n```python\nx = 1\ny = x / 0\n```\n")
    assert str(failure.traceback[-1].path).endswith("page.md")
    assert failure.traceback[-1].lineno == 4  # counted from 0
