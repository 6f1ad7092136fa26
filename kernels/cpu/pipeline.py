"""Numba's way from Python to LLVM's code, without the passes that kernels have no use for.

Half of what a first step on a new machine waits for is Numba's own Python. Three things save a good part of it and change
nothing in the code that comes out:

- Kernels have no closures, no `with`, no comprehensions and no arithmetic on whole arrays, so the passes that look for them
  are left out. (A kernel that has a closure or a `with` after all is refused when it is compiled.)
- Between its passes Numba checks the function anew and finds the life of all its variables, which only the last pass needs.
- What is inlined was made for this one place, and is not copied before it is put there. (Numba copies it twice.)
"""

from __future__ import annotations

from typing import Any

from numba.core import compiler, compiler_machinery, errors, inline_closurecall, ir, typed_passes, untyped_passes

# Numba's own classes have types for parts of them only.
_compiler: Any = compiler.CompilerBase
_builder: Any = compiler.DefaultPassBuilder
_manager: Any = compiler_machinery.PassManager
_worker: Any = inline_closurecall.InlineWorker
_inlining: Any = untyped_passes.InlineInlinables
_block: Any = ir.Block
_registry: Any = compiler_machinery._pass_registry
_register: Any = compiler_machinery.register_pass

UNUSED = (
    untyped_passes.WithLifting,
    untyped_passes.InlineClosureLikes,
    untyped_passes.MakeFunctionToJitFunction,
    untyped_passes.LiteralUnroll,
    typed_passes.InlineOverloads,
    typed_passes.NopythonRewrites,
    typed_passes.DumpParforDiagnostics,
)
"""Passes that would find nothing to do in a kernel."""


class _Block(_block):  # type: ignore[misc]
    """A block of a function that was read for one call of it, and may be changed."""

    def __deepcopy__(self, memo: Any) -> _Block:
        return self


class _Worker(_worker):  # type: ignore[misc]
    """Numba's inliner, which gets blocks that it need not copy."""

    def run_untyped_passes(self, func: Any, enable_ssa: bool = False) -> Any:
        self._compiler_pipeline = _untyped
        found = super().run_untyped_passes(func, enable_ssa)
        for block in found.blocks.values():
            block.__class__ = _Block
        return found


@_register(mutates_CFG=True, analysis_only=False)
class Inlining(_inlining):  # type: ignore[misc]
    """Numba's inlining of what `compiled.inlined` makes, by another worker."""

    _name = "inline_kernel_helpers"

    def _do_work(self, state: Any, work_list: Any, block: Any, i: int, expression: Any, worker: Any) -> Any:
        worker.__class__ = _Worker
        return super()._do_work(state, work_list, block, i, expression, worker)


class _Passes(_manager):  # type: ignore[misc]
    """Passes, one after another, with nothing between them."""

    def run(self, state: Any) -> None:
        for kind, description in self.passes:
            one = _registry.get(kind).pass_inst
            one.analysis = self._analysis
            try:
                for work in (one.run_initialization, one.run_pass, one.run_finalizer):
                    work(state)
            except errors.NumbaError as error:
                self._patch_error(f"Failed in {self.pipeline_name} mode pipeline (step: {description})", error)
                raise


def _chosen(name: str, passes: Any) -> Any:
    """A pass manager of those passes of Numba's that are used."""
    manager = _Passes(name)
    for kind, description in passes.passes:
        if kind not in UNUSED:
            manager.add_pass(Inlining if kind is untyped_passes.InlineInlinables else kind, description)
    manager.finalize()
    return manager


def _untyped(state: Any) -> Any:
    return _chosen("untyped", _builder.define_untyped_pipeline(state))


class Pipeline(_compiler):  # type: ignore[misc]
    """What compiles a kernel."""

    def define_pipelines(self) -> list[Any]:
        """Numba's passes for compiled code without Python objects, but for those in UNUSED."""
        return [_chosen("nopython", _builder.define_nopython_pipeline(self.state))]
