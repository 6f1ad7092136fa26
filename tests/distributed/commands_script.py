"""Run by mpiexec: several commands one after another in the same processes, each ending as it would by itself."""

import faulthandler
import json
import sys

faulthandler.dump_traceback_later(170, exit=True)

from gan_np.cli import main  # noqa: E402

codes = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["gan-np", *words]
    try:
        main()
        codes.append(0)
    except SystemExit as end:
        codes.append(end.code)
assert not any(codes), codes
