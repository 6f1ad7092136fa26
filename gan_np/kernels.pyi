# What `gan_np.kernels` exports, for type checkers: the folder `kernels/` is mapped into this package by setup.py,
# which they cannot follow.
from kernels import cpu as cpu
from kernels import reference as reference
from kernels import threads as threads
from kernels.cases import Case as Case
from kernels.cases import cases as cases
from kernels.geometry import Geometry as Geometry
from kernels.geometry import large_size as large_size
from kernels.geometry import small_size as small_size
from kernels.interfaces import Activation as Activation
from kernels.interfaces import Into as Into
from kernels.interfaces import Plan as Plan
from kernels.table import OPERATIONS as OPERATIONS
from kernels.table import Entry as Entry
from kernels.table import Problem as Problem
from kernels.table import available as available
from kernels.table import choose as choose
from kernels.table import entries as entries
from kernels.table import entry as entry
from kernels.table import parse_choices as parse_choices
from kernels.table import register_kernel as register_kernel
from kernels.table import select as select
from kernels.table import unregister_kernel as unregister_kernel
from kernels.table import use_kernels as use_kernels
from kernels.trace import Total as Total
from kernels.trace import Work as Work
from kernels.trace import trace as trace
