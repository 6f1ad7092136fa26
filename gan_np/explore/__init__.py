"""The page for a trained generator and for a training that runs: `gan-np explore`, and as one file `gan-np export`.

`explorer.py` is what is asked of a model, `watched.py` what is read of a run folder, `guard.py` who may ask, `app.py` the
addresses, `server.py` the process, `standalone.py` the file. The page itself is in `web/`, built from `frontend/` of the
repository. The extra `explore` brings Starlette and uvicorn, which only `app.py` and `server.py` import.
"""
