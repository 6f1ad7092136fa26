"""The page on which a small GAN of points trains before one's eyes: `gan-np play`.

`distributions.py` is what is to be learnt, `settings.py` what can be chosen, `game.py` one GAN while it trains, `frame.py`
what is drawn of it, `history.py` its curves, `session.py` one page with one or two games, `worker.py` the thread that
computes, `experiments.py` what the buttons set up, `app.py` the addresses. The page is in `../web/play.*`.
"""
