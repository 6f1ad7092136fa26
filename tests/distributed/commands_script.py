"""Run by mpiexec, or alone: several commands one after another in the same processes, as each would be by itself."""

import faulthandler
import json
import sys

faulthandler.dump_traceback_later(170, exit=True)

from gan_np.cli import main  # noqa: E402

for words in json.loads(sys.argv[1]):
    sys.argv = ["gan-np", *words]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
